// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import acp

@Suite("Checks of a configuration")
struct CheckTests {
    @Test("A certificate is reported before it expires, and fails afterwards")
    func certificateDates() {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        func status(from start: Double = -1, until end: Double) -> CheckResult.Status {
            CertificateCheck.result(
                "certificate", "a.pem", from: now.addingTimeInterval(start * 86_400),
                until: now.addingTimeInterval(end * 86_400), now
            ).status
        }
        #expect(status(until: 100) == .ok)
        #expect(status(until: 20) == .warning)
        #expect(status(until: -1) == .failed)
        #expect(status(from: 1, until: 100) == .failed)
    }

    @Test("An unknown variable is a warning")
    func unknownVariables() throws {
        let environment = ["ACP_TLS_CERT": "x", "ACP_PORT": "1", "ACP_TOKEN": "t", "PATH": "/bin"]
        let check = ConfigurationCheck(try settings([], environment), environment: environment, file: nil)
        #expect(check.results.map(\.status) == [.ok, .warning])
        #expect(check.results.last?.message.contains("ACP_TLS_CERT") == true)
    }

    @Test(
        "A server that other machines reach without authentication is a warning",
        arguments: [
            ([], CheckResult.Status.ok), (["--host", "0.0.0.0"], .warning), (["--host", "::1"], .ok),
            (["--host", "0.0.0.0", "--token", "t", "--public-url", "https://a.example"], .ok),
        ] as [([String], CheckResult.Status)])
    func openServers(flags: [String], status: CheckResult.Status) throws {
        #expect(SecurityCheck(try settings(flags)).results.map(\.status) == [status])
    }

    @Test("What depends on settings with mistakes is skipped")
    func skippedChecks() async throws {
        let values = try settings(file: "port: 70000\nstorage: {url: x}\ntls: {key: a}")
        #expect(CertificateCheck(values, now: Date()).results.map(\.status) == [.skipped])
        #expect(await StorageCheck(values).results().map(\.status) == [.skipped])
        #expect(await ListeningCheck(values).results().first?.status == .skipped)
    }

    @Test("A report has failed if one check has")
    func reports() {
        #expect(CheckReport([.ok("a", "fine"), .warning("b", "not so fine"), .skipped("c")]).ok)
        #expect(!CheckReport([.ok("a", "fine"), .failed("b", "wrong")]).ok)
    }
}
