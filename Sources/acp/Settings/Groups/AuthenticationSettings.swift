// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPServer

/// Who may call a server.
struct AuthenticationSettings: SettingGroup {
    let token = Setting<String?>(
        "authentication.token", flag: "token", variable: "ACP_SERVER_TOKEN", valueName: "token",
        otherwise: "all requests are allowed", secrecy: .all,
        help: """
            The bearer token that requests must contain: visible ASCII characters without spaces. Unlike the option, \
            $ACP_SERVER_TOKEN is not visible to other users of the machine.
            """
    ) { (token: String) in BearerToken.fault(in: token) }

    func apply(to configuration: inout ServerConfiguration, _ values: SettingValues) {
        configuration.authentication = values[token].map { .bearer($0) }
    }
}
