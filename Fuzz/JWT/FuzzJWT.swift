// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for JSON Web Tokens. scripts/fuzz compiles it with the properties, which are in
// Tests/ACPJWTTests/TokenProperties.swift, and runs it.

/// Checks the properties for one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJWT(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    runBlocking(start, count) { try await checkToken($0) }
}
