// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// Dates in headers of HTTP, such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7). Of the three forms
/// only this one is read: senders must use it.
enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Returns a point in time as text. The fraction of a second is cut off.
    static func text(_ time: Timestamp) -> String {
        // 1970-01-01 was a Thursday.
        let day = Int((time.microseconds / 86_400_000_000) % 7)
        let text = time.description
        let date = text.prefix(10).split(separator: "-")
        let month = months[max(0, (Int(date[1]) ?? 1) - 1) % 12]
        return "\(days[(day + 7) % 7]), \(date[2]) \(month) \(date[0]) \(text.dropFirst(11).prefix(8)) GMT"
    }

    /// Returns the point in time of a text, or `nil` if the text has another form.
    static func time(_ text: String) -> Timestamp? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", words[0].hasSuffix(","),
            let month = months.firstIndex(where: { $0 == words[2] })
        else { return nil }
        let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
        return Timestamp("\(words[3])-\(number)-\(words[1])T\(words[4])Z")
    }
}
