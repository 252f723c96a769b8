// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Foundation

/// Checks that certificates and the key of a server can be read, belong together, and are valid.
struct CertificateCheck {
    private static let name = "certificate"
    /// The number of days before the end of a certificate from which on it is a warning.
    private static let warningDays = 21

    let results: [CheckResult]

    init(_ values: SettingValues, now: Date) {
        let settings = ServeSettings.tls
        if settings.definitions.contains(where: { values.isFaulty($0) }) {
            results = [.skipped(Self.name)]
            return
        }
        var configuration = ServerConfiguration()
        settings.apply(to: &configuration, values)
        guard let tls = configuration.tls else {
            results = [.ok(Self.name, "none: the server serves HTTP")]
            return
        }
        do throws(ServerError) {
            let found = try tls.inspect()
            let names = ([found.certificate.commonName].compactMap(\.self) + found.certificate.alternativeNames)
                .reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
            let subject = names.isEmpty ? found.certificate.subject : names.joined(separator: ", ")
            var results = [
                Self.result(
                    Self.name, "\(tls.certificateChain) (\(subject))", from: found.notValidBefore,
                    until: found.certificate.notValidAfter, now)
            ]
            for (index, certificate) in found.intermediates.enumerated()
            where certificate.notValidAfter < found.certificate.notValidAfter {
                let place = "certificate \(index + 2) of \(tls.certificateChain) (\(certificate.subject))"
                results.append(Self.result(Self.name, place, until: certificate.notValidAfter, now))
            }
            if let path = tls.clientAuthorities {
                for authority in found.clientAuthorities {
                    results.append(
                        Self.result("client CA", "\(path) (\(authority.subject))", until: authority.notValidAfter, now))
                }
            }
            self.results = results
        } catch {
            results = [.failed(Self.name, error.message)]
        }
    }

    static func result(
        _ check: String, _ place: String, from start: Date = .distantPast, until end: Date, _ now: Date
    ) -> CheckResult {
        let days = Int(abs(end.timeIntervalSince(now)) / 86_400)
        let date = end.formatted(.iso8601.year().month().day())
        if now < start {
            let date = start.formatted(.iso8601.year().month().day())
            return .failed(check, "\(place) is not valid before \(date): check the clock, or use another certificate")
        }
        if now > end { return .failed(check, "\(place) has expired on \(date): renew it") }
        let message = "\(place) is valid until \(date), for \(days) more days"
        return days < warningDays ? .warning(check, "\(message): renew it") : .ok(check, message)
    }
}
