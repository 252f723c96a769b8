// SPDX-License-Identifier: Apache-2.0

import ACPServer

/// Where a server listens.
struct ListeningSettings: SettingGroup {
    let host = Setting(
        "host", flag: "host", valueName: "host", default: "127.0.0.1",
        help: """
            The address to listen on: a name, an IPv4 address, or an IPv6 address with or without brackets. 0.0.0.0 or :: \
            for all addresses of this machine.
            """
    ) { text in
        do throws(SettingFault) {
            _ = try ListenHost(text)
            return nil
        } catch {
            return error.predicate
        }
    }

    let port = Setting(
        "port", flag: "port", valueName: "port", default: 8000,
        help: "The port to listen on; 0 for any free port.", fault: Rule.within(0...65_535))

    /// The address of valid settings.
    func address(_ values: SettingValues) -> ListenHost { (try? ListenHost(values[host])) ?? .loopback }

    func apply(to configuration: inout ServerConfiguration, _ values: SettingValues) {
        configuration.host = address(values).address
        configuration.port = values[port]
    }
}
