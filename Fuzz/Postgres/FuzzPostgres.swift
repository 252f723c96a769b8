// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for values in PostgreSQL's binary format. scripts/fuzz compiles it into one module with ACPCore and the decoders, and
// runs it.

/// Decodes the input as an array and as escaped text. What was decoded must come back after encoding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPostgres(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    if let elements = try? BinaryArray.elements(of: bytes) {
        guard let encoded = Parameter.byteArrays(elements).bytes, let again = try? BinaryArray.elements(of: encoded)
        else { preconditionFailure("an encoded array cannot be read") }
        precondition(again == elements, "the array is another one after a round trip")
    }
    let text = String(unescaping: bytes)
    precondition(String(unescaping: text.escapedUTF8) == text, "the text is another one after a round trip")
    return 0
}
