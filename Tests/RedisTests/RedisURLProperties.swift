// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport

@testable import Redis

/// Reads a URL with a secret in its passwords. Neither an error nor a description contains the secret.
///
/// - Parameter input: The first byte is the position of the secret in the password, the rest is the URL.
func checkRedisURL(_ input: [UInt8]) throws {
    guard let position = input.first else { return }
    let url = String(decoding: input.dropFirst(), as: UTF8.self)
    _ = try? RedisConfiguration(url: url)
    guard let url = PlantedSecret.insert(intoPasswordsOf: url, at: Int(position)) else { return }
    do {
        let configuration = try RedisConfiguration(url: url)
        // The path of a socket may contain what looks like a password.
        if case .unixSocket = configuration.address { return }
        // So may an option.
        if url.firstIndex(of: "?").map({ url[$0...].contains("@") }) == true { return }
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            try demand(!text.contains(PlantedSecret.text), "a description contains the password: \(text)")
        }
    } catch let error as RedisError {
        try demand(!"\(error)".contains(PlantedSecret.text), "an error contains the password: \(error)")
    }
}
