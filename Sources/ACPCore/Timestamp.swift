// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A point in time with microsecond precision.
///
/// Clients in other languages keep microseconds and compare timestamps for equality after a round trip, which
/// `Date` (a binary fraction of seconds) does not support. In JSON it is RFC 3339 text in UTC with a trailing `Z`.
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Microseconds since 1970-01-01T00:00:00Z. Negative for earlier points in time.
    public var microseconds: Int64

    /// Creates a timestamp from the microseconds since 1970-01-01T00:00:00Z.
    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// Creates a timestamp from a `Date`, rounded to the microsecond. A date out of range is clamped to the range.
    public init(_ date: Date) {
        let value = (date.timeIntervalSince1970 * 1_000_000).rounded()
        microseconds = Int64(exactly: value) ?? (value < 0 ? .min : .max)
    }

    /// The current time of the system's clock.
    public static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    /// The timestamp as a `Date`, which has a precision of about a microsecond in this century.
    public var date: Date { Date(timeIntervalSince1970: Double(microseconds) / 1_000_000) }

    /// Returns whether the first point in time is before the second.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    /// Returns the point in time that is later by a duration (earlier if the duration is negative).
    ///
    /// The result is clamped to the range, so that a very long time to live can be added safely.
    public static func + (left: Timestamp, right: Duration) -> Timestamp {
        let (seconds, attoseconds) = right.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (duration, durationOverflow) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        let (sum, sumOverflow) = left.microseconds.addingReportingOverflow(duration)
        guard !overflow, !durationOverflow, !sumOverflow else {
            return Timestamp(microseconds: right < .zero ? .min : .max)
        }
        return Timestamp(microseconds: sum)
    }

    /// Returns the duration from the second point in time to the first.
    public static func - (left: Timestamp, right: Timestamp) -> Duration {
        .microseconds(left.microseconds) - .microseconds(right.microseconds)
    }
}

extension Timestamp: CustomStringConvertible, LosslessStringConvertible {
    /// The timestamp as RFC 3339 text in UTC: `2025-05-07T11:22:33.123456Z`, without the fraction if it is zero.
    public var description: String {
        String(unsafeUninitializedCapacity: Self.longest, initializingUTF8With: write(to:))
    }

    /// How many bytes ``description`` has at most.
    package static let longest = 27

    /// Writes ``description``.
    ///
    /// - Parameter buffer: Room for ``longest`` bytes.
    /// - Returns: How many bytes were written.
    package func write(to buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        // RFC 3339 supports the years 0000 to 9999 only: other timestamps are clamped to them.
        let shown = min(max(microseconds, -62_167_219_200_000_000), 253_402_300_799_999_999)
        let (days, time) = shown.flooredDivision(by: 86_400_000_000)
        let (year, month, day) = civilDate(fromDays: days)
        let (seconds, fraction) = time.flooredDivision(by: 1_000_000)
        var writer = DigitWriter(buffer: buffer)
        writer.write(year, digits: 4)
        writer.write("-")
        writer.write(month, digits: 2)
        writer.write("-")
        writer.write(day, digits: 2)
        writer.write("T")
        writer.write(seconds / 3600, digits: 2)
        writer.write(":")
        writer.write(seconds / 60 % 60, digits: 2)
        writer.write(":")
        writer.write(seconds % 60, digits: 2)
        if fraction != 0 {
            writer.write(".")
            writer.write(fraction, digits: 6)
        }
        writer.write("Z")
        return writer.count
    }

    /// Creates a timestamp from RFC 3339 text. Returns `nil` if the text is not valid.
    ///
    /// Other offsets are converted to UTC, a missing offset means UTC, and digits beyond the microsecond are dropped.
    public init?(_ description: String) {
        var text = description
        guard let value = text.withUTF8({ Timestamp(utf8: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = value
    }

    /// Creates a timestamp from the bytes of RFC 3339 text.
    init?(utf8: UnsafeRawBufferPointer) {
        var reader = DigitReader(utf8: utf8)
        guard let year = reader.number(digits: 4), reader.skip("-"),
            let month = reader.number(digits: 2), (1...12).contains(month), reader.skip("-"),
            let day = reader.number(digits: 2), (1...daysIn(month: month, year: year)).contains(day),
            reader.skip("T") || reader.skip("t") || reader.skip(" "),
            let hour = reader.number(digits: 2), hour < 24, reader.skip(":"),
            let minute = reader.number(digits: 2), minute < 60, reader.skip(":"),
            let second = reader.number(digits: 2), second <= 60
        else { return nil }
        var fraction: Int64 = 0
        if reader.skip(".") || reader.skip(",") {
            guard let value = reader.microseconds() else { return nil }
            fraction = value
        }
        guard let offset = reader.offsetInMinutes(), reader.isAtEnd else { return nil }
        let days = daysFromCivil(year: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3600 + (minute - offset) * 60 + second
        microseconds = seconds * 1_000_000 + fraction
    }
}

// MARK: - Calendar arithmetic of the proleptic Gregorian calendar

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

private func daysIn(month: Int64, year: Int64) -> Int64 {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
}

/// Returns the number of days since 1970-01-01. Years begin in March here, so that the leap day is the last day of a
/// year.
private func daysFromCivil(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = shiftedYear.flooredDivision(by: 400)
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
}

private func civilDate(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, dayOfEra) = (days + 719_468).flooredDivision(by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
}

private struct DigitWriter {
    let buffer: UnsafeMutableBufferPointer<UInt8>
    var count = 0

    mutating func write(_ character: Unicode.Scalar) {
        buffer[count] = UInt8(ascii: character)
        count += 1
    }

    mutating func write(_ value: Int64, digits: Int) {
        var rest = UInt32(truncatingIfNeeded: value)
        var position = count + digits
        while position > count {
            position -= 1
            buffer[position] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        count += digits
    }
}

/// Reads the parts of a text. It borrows the bytes, and must not outlive them.
private struct DigitReader {
    let utf8: UnsafeRawBufferPointer
    /// The index of the next byte. Never beyond the end.
    private var position = 0
    var isAtEnd: Bool { position == utf8.count }

    init(utf8: UnsafeRawBufferPointer) { self.utf8 = utf8 }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < utf8.count, utf8[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func digit() -> Int64? {
        guard position < utf8.count, utf8[position].isDigit else { return nil }
        defer { position += 1 }
        return Int64(utf8[position] - UInt8(ascii: "0"))
    }

    mutating func number(digits: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// Reads the digits of a fraction of a second: at least one; those after the sixth are dropped.
    mutating func microseconds() -> Int64? {
        guard var value = digit() else { return nil }
        var digits = 1
        while let digit = digit() {
            guard digits < 6 else { continue }
            value = value * 10 + digit
            digits += 1
        }
        for _ in digits..<6 { value *= 10 }
        return value
    }

    mutating func offsetInMinutes() -> Int64? {
        if isAtEnd || skip("Z") || skip("z") { return 0 }
        let sign: Int64
        if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
        guard let hours = number(digits: 2), hours < 24 else { return nil }
        _ = skip(":")
        guard let minutes = number(digits: 2), minutes < 60 else { return nil }
        return sign * (hours * 60 + minutes)
    }
}
