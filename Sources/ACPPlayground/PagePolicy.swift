// SPDX-License-Identifier: Apache-2.0

import ACPServer
import HTTPTypes

/// What browsers let the page do.
enum PagePolicy {
    /// Scripts and styles are files of the server, and nothing is loaded from or sent to another origin. Contents of runs
    /// are shown as `data:` and `blob:` URLs. Scripts cannot turn text into markup (`trusted-types 'none'`), no page can
    /// contain this one, and it contains only frames that it has made itself.
    static let contentSecurityPolicy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
        "img-src 'self' data: blob:",
        "media-src data: blob:", "frame-src blob:", "manifest-src 'self'", "base-uri 'none'", "form-action 'none'",
        "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
    ].joined(separator: "; ")

    /// The headers of all files of the page. Like all responses, they also have those against guessing the type, and
    /// against sending the page's address to other servers.
    static let headers = [
        HTTPField(name: .contentSecurityPolicy, value: contentSecurityPolicy),
        HTTPField(name: HTTPField.Name(known: "X-Frame-Options"), value: "DENY"),
        HTTPField(name: HTTPField.Name(known: "Cross-Origin-Opener-Policy"), value: "same-origin"),
        HTTPField(
            name: HTTPField.Name(known: "Permissions-Policy"),
            value: "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ]
}
