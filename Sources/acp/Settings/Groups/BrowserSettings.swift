// SPDX-License-Identifier: Apache-2.0

import ACPServer

/// Which web pages may use a server, and under which host names.
struct BrowserSettings: SettingGroup {
    let allowedOrigins = Setting(
        "browsers.allowedOrigins", flag: "allow-origin", valueName: "origin", default: [String](),
        defaultNote: "only the server's own pages",
        help: """
            An origin whose web pages may use the server, such as https://app.example.com. Requests of other pages that \
            could change something are refused.
            """
    ) { origins in
        fault { try ServerConfiguration(browsers: BrowserConfiguration(allowedOrigins: origins)).validate() }
    }

    let allowedHosts = Setting(
        "browsers.allowedHosts", flag: "allow-host", valueName: "host", default: [String](),
        defaultNote: "loopback names on a loopback address, otherwise all",
        help: """
            A host name under which the server can be reached. A server on a loopback address always accepts loopback \
            names, and refuses all others that are not listed; a server on other addresses accepts all unless one is \
            listed.
            """
    ) { hosts in
        fault { try ServerConfiguration(browsers: BrowserConfiguration(allowedHosts: hosts)).validate() }
    }

    func apply(to configuration: inout ServerConfiguration, _ values: SettingValues) {
        configuration.browsers.allowedOrigins = values[allowedOrigins]
        configuration.browsers.allowedHosts = values[allowedHosts]
    }
}
