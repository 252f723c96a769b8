// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks the configuration of a server before it is started.",
        discussion: """
            Checks what `acp serve` with the same options would use: the configuration, certificates and keys, files with \
            secrets, ports and the storage. Each line says whether it is fine, or what is wrong and how to mend it. Nothing \
            is changed: neither files nor tables are created. Ports and a SQLite file that a running server uses are reported \
            as in use.

            The exit code is 1 if a server would not start or not work, otherwise 0, also with warnings.

            Examples:
              acp check --config acp.yaml
              acp check --storage redis://localhost:6379 --json
            """)

    @OptionGroup var options: SettingOptions<ServeSettings>

    @Flag(help: "Print JSON, for programs.")
    var json = false

    func run() async throws {
        let report = CheckReport(await results())
        if json {
            try Console.print(document: report)
        } else {
            try Console.print(report.lines.joined(separator: "\n"))
        }
        if !report.ok { throw ExitStatus.unsuccessful.code }
    }

    private func results() async -> [CheckResult] {
        let environment = ProcessInfo.processInfo.environment
        let values: SettingValues
        do {
            values = try options.read(environment: environment)
        } catch {
            return error.problems.map { .failed("configuration", "\($0.message)") }
        }
        var results = ConfigurationCheck(values, environment: environment, file: options.path(in: environment)).results
        results += CertificateCheck(values, now: Date()).results
        results += SecurityCheck(values).results
        results += await ListeningCheck(values).results()
        results += await StorageCheck(values).results()
        return results
    }
}
