// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import ACPTestSupport

@testable import ACPPostgres

/// Reads a URL or a list of parameters with a secret in its passwords. Neither an error nor the location, which messages
/// contain, has the secret.
///
/// - Parameter input: The first byte is the position of the secret in the password, the rest is the URL.
func checkPostgresURL(_ input: [UInt8]) throws {
    guard let position = input.first else { return }
    let url = String(decoding: input.dropFirst(), as: UTF8.self)
    _ = try? ConnectionParameters(PostgresStorage.Configuration(url: url))
    guard let url = PlantedSecret.insert(intoPasswordsOf: url, at: Int(position)) else { return }
    do {
        let location = try ConnectionParameters(PostgresStorage.Configuration(url: url)).location
        // A parameter may contain what looks like the end of a password.
        if url.firstIndex(of: "?").map({ url[$0...].contains("@") }) == true { return }
        try demand(!location.contains(PlantedSecret.text), "the location contains the password: \(location)")
    } catch let error as StorageError {
        try demand(!"\(error)".contains(PlantedSecret.text), "an error contains the password: \(error)")
    }
}
