// SPDX-License-Identifier: Apache-2.0

import ACPServer

/// What agents may load from other servers.
struct LinkSettings: SettingGroup {
    let allowedHosts = Setting(
        "links.allowedHosts", flag: "link-host", valueName: "host[:port]", default: [String](),
        help: "A host, optionally with a port, from which messages and files are loaded whatever its address."
    ) { hosts in fault { for host in hosts { _ = try AllowedHost(host) } } }

    let allowPrivate = Setting(
        "links.allowPrivate", flag: "allow-private-links", default: false,
        help: """
            Also load messages and files from this machine and private networks. For development only: callers can then \
            reach everything that the server can reach.
            """)

    func apply(to configuration: inout ServerConfiguration, _ values: SettingValues) {
        configuration.links = LinkConfiguration(
            allowedHosts: values[allowedHosts].compactMap { try? AllowedHost($0) },
            allowsPrivateAddresses: values[allowPrivate])
    }
}
