// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for the parser of event streams. scripts/fuzz compiles it into one module with the parser, and runs it.

/// Parses the input twice, in one piece and in small ones, and demands the same events or the same error. The first byte chooses the
/// size of the pieces.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSSE(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    let size = Int(input[0] % 16) + 1
    let bytes = Array(input[1...])
    let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
    let (whole, divided) = (parse([bytes]), parse(pieces))
    precondition(whole == divided, "the events depend on the pieces")
    return 0
}

private struct Outcome: Equatable {
    var events: [ServerSentEvent] = []
    var retryMilliseconds: Int?
    var isTooLarge = false
}

private func parse(_ pieces: [[UInt8]]) -> Outcome {
    // A small limit, so that the fuzzer reaches it.
    var parser = ServerSentEventParser(maximumEventBytes: 128)
    var outcome = Outcome()
    do throws(ServerSentEventParser.EventTooLarge) {
        for piece in pieces {
            parser.append(piece)
            while let event = try parser.next() { outcome.events.append(event) }
        }
    } catch {
        outcome.isTooLarge = true
    }
    outcome.retryMilliseconds = parser.retryMilliseconds
    return outcome
}
