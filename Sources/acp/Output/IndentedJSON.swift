// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
    /// The JSON, which must have no line breaks, with each member and element on a separate line.
    var indentedJSON: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(count * 2)
        var depth = 0
        var isInString = false
        var isEscaped = false
        func isBracket(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") }
        func breakLine(_ output: inout [UInt8]) {
            output.append(UInt8(ascii: "\n"))
            output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * 2))
        }
        for (index, byte) in enumerated() {
            if isInString {
                output.append(byte)
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                isInString = true
                output.append(byte)
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                output.append(byte)
                depth += 1
                if index + 1 < count, !isBracket(self[index + 1]) { breakLine(&output) }
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                if index > 0, self[index - 1] != UInt8(ascii: "["), self[index - 1] != UInt8(ascii: "{") {
                    breakLine(&output)
                }
                output.append(byte)
            case UInt8(ascii: ","):
                output.append(byte)
                breakLine(&output)
            case UInt8(ascii: ":"):
                output.append(byte)
                output.append(UInt8(ascii: " "))
            default: output.append(byte)
            }
        }
        return output
    }
}
