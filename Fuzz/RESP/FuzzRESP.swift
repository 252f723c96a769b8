// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for the RESP decoder. scripts/fuzz compiles it into one module with the codec, and runs it.

import NIOCore

/// Decodes the input twice, in one piece and in small chunks, and demands the same messages or the same kind of error.
/// The first byte chooses the size of the chunks.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRESP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    let chunkSize = Int(input[0] % 16) + 1
    let bytes = Array(input[1...])
    let whole = decode([bytes])
    let chunked = decode(
        stride(from: 0, to: bytes.count, by: chunkSize).map { Array(bytes[$0..<min($0 + chunkSize, bytes.count)]) })
    precondition(whole == chunked, "the messages depend on the chunking")
    return 0
}

/// What came out, as text: NaN is not equal to itself.
private struct Outcome: Equatable {
    var messages: [String] = []
    var error: RESPDecodingError.Code?
}

private func decode(_ chunks: [[UInt8]]) -> Outcome {
    // Small limits, so that the fuzzer reaches them.
    var decoder = RESPDecoder(
        limits: RESPLimits(
            maxBulkLength: 4096, maxAggregateCount: 4096, maxDepth: 16, maxLineLength: 256, maxMessageLength: 1 << 16))
    var outcome = Outcome()
    for chunk in chunks {
        decoder.feed(ByteBuffer(bytes: chunk))
        do throws(RESPDecodingError) {
            while let message = try decoder.next() { outcome.messages.append("\(message)") }
        } catch {
            outcome.error = error.code
            return outcome
        }
    }
    return outcome
}
