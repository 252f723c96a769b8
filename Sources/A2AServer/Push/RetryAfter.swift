// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// The header `Retry-After` of HTTP (RFC 9110, section 10.2.3).
enum RetryAfter {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Returns the pause that a value asks for: a number of seconds, or a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    /// Returns `nil` if it is neither.
    static func pause(_ text: String, now: Timestamp) -> Duration? {
        let text = text.trimmingPrefix { $0 == " " }
        if !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ (48...57).contains($0) }) {
            return Int(text).map { .seconds($0) }
        }
        let fields = text.split(separator: " ")
        guard fields.count == 6, fields[5] == "GMT", let day = number(fields[1], 1...31),
            let month = months.firstIndex(of: String(fields[2])), let year = number(fields[3], 1970...9999)
        else { return nil }
        let time = fields[4].split(separator: ":")
        guard time.count == 3, let hour = number(time[0], 0...23), let minute = number(time[1], 0...59),
            let second = number(time[2], 0...60)
        else { return nil }
        let seconds = days(year, month + 1, day) * 86_400 + hour * 3_600 + minute * 60 + second
        return max(.zero, .microseconds(Int64(seconds) * 1_000_000 - now.microseconds))
    }

    private static func number(_ text: Substring, _ range: ClosedRange<Int>) -> Int? {
        Int(text).flatMap { range.contains($0) ? $0 : nil }
    }

    /// Returns the number of days from 1970-01-01 to a date.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        // Years that begin in March have their leap day at the end.
        let year = month > 2 ? year : year - 1
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }
}
