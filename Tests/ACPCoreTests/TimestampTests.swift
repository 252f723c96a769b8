// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation
import Testing

@Suite("Timestamps")
struct TimestampTests {
    /// Counts days one year and one month at a time: slow, but simple enough to be trusted.
    static func microseconds(
        _ year: Int, _ month: Int, _ day: Int, _ hour: Int, _ minute: Int, _ second: Int, _ fraction: Int
    ) -> Int64 {
        func isLeap(_ year: Int) -> Bool { (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 }
        var days = day - 1
        let lengths = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        days += lengths[..<(month - 1)].reduce(0, +)
        if year >= 1970 {
            for earlier in 1970..<year { days += isLeap(earlier) ? 366 : 365 }
        } else {
            for earlier in year..<1970 { days -= isLeap(earlier) ? 366 : 365 }
        }
        return Int64(((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + Int64(fraction)
    }

    static func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    @Suite("Reading")
    struct Reading {
        @Test(
            "A timestamp is read exactly",
            arguments: [
                ("1970-01-01T00:00:00Z", 0),
                ("1970-01-01T00:00:00.000001Z", 1),
                ("1969-12-31T23:59:59.999999Z", -1),
                ("2025-05-07T11:22:33.123456Z", 1_746_616_953_123_456),
                ("2000-02-29T00:00:00Z", 951_782_400_000_000),
                ("2024-02-29T23:59:59Z", 1_709_251_199_000_000),
                ("0000-01-01T00:00:00Z", -62_167_219_200_000_000),
                ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
            ] as [(String, Int64)])
        func exact(text: String, microseconds: Int64) {
            #expect(Timestamp(text)?.microseconds == microseconds)
        }

        @Test(
            "A fraction may have any number of digits; those after the sixth are dropped",
            arguments: [
                ("1", 100_000), ("12", 120_000), ("123", 123_000), ("1234", 123_400), ("12345", 123_450),
                ("123456", 123_456), ("1234567", 123_456), ("12345678", 123_456), ("123456789", 123_456),
                ("000001", 1), ("0000009", 0), ("999999999999999999999999999999", 999_999),
            ] as [(String, Int64)])
        func fractions(digits: String, microseconds: Int64) {
            #expect(Timestamp("1970-01-01T00:00:00.\(digits)Z")?.microseconds == microseconds)
        }

        @Test(
            "An offset is converted to UTC",
            arguments: [
                ("2025-05-07T13:22:33+02:00", "2025-05-07T11:22:33Z"),
                ("2025-05-07T11:22:33-00:00", "2025-05-07T11:22:33Z"),
                ("2025-01-01T01:00:00+05:30", "2024-12-31T19:30:00Z"),
                ("2024-12-31T23:00:00-0330", "2025-01-01T02:30:00Z"),
                ("2024-02-28T23:59:59.5-23:59", "2024-02-29T23:58:59.500000Z"),
                ("1970-01-01T00:00:00+00:01", "1969-12-31T23:59:00Z"),
            ])
        func offsets(text: String, utc: String) {
            #expect(Timestamp(text)?.description == utc)
        }

        @Test(
            "Lower-case letters, a space, a missing offset and a leap second are accepted",
            arguments: [
                ("2025-05-07t11:22:33z", "2025-05-07T11:22:33Z"),
                ("2025-05-07 11:22:33+00:00", "2025-05-07T11:22:33Z"),
                ("2025-05-07T11:22:33", "2025-05-07T11:22:33Z"),
                ("2025-05-07T11:22:33,25Z", "2025-05-07T11:22:33.250000Z"),
                ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ])
        func variants(text: String, utc: String) {
            #expect(Timestamp(text)?.description == utc)
        }

        @Test(
            "Text that is not an RFC 3339 timestamp is rejected",
            arguments: [
                "", "now", "2025", "2025-05-07", "2025-05-07T11:22Z", "2025-5-7T11:22:33Z", "25-05-07T11:22:33Z",
                "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z", "2025-01-00T00:00:00Z", "2025-01-32T00:00:00Z",
                "2025-04-31T00:00:00Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
                "2025-05-07T24:00:00Z", "2025-05-07T11:60:00Z", "2025-05-07T11:22:61Z", "2025-05-07T11:22:33.Z",
                "2025-05-07T11:22:33.12x4Z", "2025-05-07T11:22:33ZZ", "2025-05-07T11:22:33 Z", " 2025-05-07T11:22:33Z",
                "2025-05-07T11:22:33Z ", "2025-05-07T11:22:33+2", "2025-05-07T11:22:33+02", "2025-05-07T11:22:33+24:00",
                "2025-05-07T11:22:33+02:60", "2025-05-07T11:22:33+02:00Z", "12025-05-07T11:22:33Z",
                "-2025-05-07T11:22:33Z", "2025-05-07T11:22:33\u{0}", "２０２５-05-07T11:22:33Z", "2025/05/07T11:22:33Z",
            ])
        func refused(text: String) {
            #expect(Timestamp(text) == nil)
        }

        @Test("The 29th of February exists in leap years only")
        func leapYears() {
            for year in 1890...2410 {
                let isLeap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
                #expect((Timestamp("\(year)-02-29T00:00:00Z") != nil) == isLeap, "\(year)")
            }
        }
    }

    @Suite("Writing")
    struct Writing {
        @Test("Timestamps are written in UTC with a trailing Z, with six digits of a fraction or none")
        func format() {
            #expect(Fixture.start.description == "2025-05-07T11:22:33.123456Z")
            #expect(Fixture.end.description == "2025-05-07T11:22:34Z")
            #expect(Timestamp(microseconds: 100_000).description == "1970-01-01T00:00:00.100000Z")
            #expect(Timestamp(microseconds: -1).description == "1969-12-31T23:59:59.999999Z")
        }

        @Test(
            "A timestamp outside of the years 0000 to 9999 is written as the nearest one within",
            arguments: [
                (Int64.min, "0000-01-01T00:00:00Z"), (-62_167_219_200_000_001, "0000-01-01T00:00:00Z"),
                (253_402_300_800_000_000, "9999-12-31T23:59:59.999999Z"), (Int64.max, "9999-12-31T23:59:59.999999Z"),
            ])
        func outOfRange(microseconds: Int64, text: String) {
            #expect(Timestamp(microseconds: microseconds).description == text)
        }

        @Test("An offset or a leap second at the end of the range is read and written without a crash")
        func edges() throws {
            #expect(try #require(Timestamp("9999-12-31T23:59:60-23:59")).description == "9999-12-31T23:59:59.999999Z")
            #expect(try #require(Timestamp("0000-01-01T00:00:00+23:59")).description == "0000-01-01T00:00:00Z")
        }
    }

    @Test("Reading agrees with counting days, and writing restores the text")
    func againstPlainCounting() throws {
        var random = SeededGenerator(seed: 42)
        for _ in 0..<3_000 {
            let year = Int.random(in: 0...9999, using: &random)
            let month = Int.random(in: 1...12, using: &random)
            let isLeap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
            let length = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
            let day = Int.random(in: 1...length, using: &random)
            let (hour, minute) = (Int.random(in: 0..<24, using: &random), Int.random(in: 0..<60, using: &random))
            let second = Int.random(in: 0..<60, using: &random)
            let fraction = Int.random(in: 1..<1_000_000, using: &random)
            let pad = TimestampTests.pad
            let date = "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
            let text = "\(date)T\(pad(hour, 2)):\(pad(minute, 2)):\(pad(second, 2)).\(pad(fraction, 6))Z"
            let expected = TimestampTests.microseconds(year, month, day, hour, minute, second, fraction)
            let moment = try #require(Timestamp(text), "\(text)")
            #expect(moment.microseconds == expected, "\(text)")
            #expect(moment.description == text)
        }
    }

    @Test("A timestamp survives a round trip")
    func roundTrips() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            let moment = Timestamp(
                microseconds: .random(in: -62_167_219_200_000_000...253_402_300_799_999_999, using: &random))
            #expect(Timestamp(moment.description) == moment)
        }
    }

    @Test("Every day of four centuries survives a round trip")
    func everyDay() {
        for day in stride(from: Int64(-140_000), through: 15_000, by: 1) {
            let moment = Timestamp(microseconds: day * 86_400_000_000)
            let text = moment.description
            #expect(text.hasSuffix("T00:00:00Z") && Timestamp(text) == moment, "\(text)")
        }
    }

    @Suite("Arithmetic")
    struct Arithmetic {
        @Test("Durations add and subtract to the microsecond")
        func durations() {
            let start = Fixture.start
            #expect((start + .microseconds(1)).microseconds == start.microseconds + 1)
            #expect((start + .milliseconds(-1_500)).microseconds == start.microseconds - 1_500_000)
            #expect((start + .nanoseconds(1_999)).microseconds == start.microseconds + 1)
            #expect(start + (Fixture.end - start) == Fixture.end)
            #expect(Fixture.end - start == .microseconds(876_544))
            #expect(start - Fixture.end == .microseconds(-876_544))
        }

        @Test("Adding a very long duration stops at the end of the range")
        func saturates() {
            #expect(Fixture.start + .seconds(Int64.max) == Timestamp(microseconds: .max))
            #expect(Fixture.start + .seconds(Int64.min) == Timestamp(microseconds: .min))
            #expect(Timestamp(microseconds: .max) + .microseconds(1) == Timestamp(microseconds: .max))
            #expect(Timestamp(microseconds: .min) + .microseconds(-1) == Timestamp(microseconds: .min))
            let longest = Timestamp(microseconds: .max) - Timestamp(microseconds: .min)
            #expect(longest > .seconds(18_446_744_073_709) && longest < .seconds(18_446_744_073_710))
        }

        @Test("Timestamps are ordered")
        func ordered() {
            #expect(Fixture.start < Fixture.end)
            #expect([Fixture.end, Fixture.start].sorted() == [Fixture.start, Fixture.end])
        }
    }

    @Suite("Dates")
    struct Dates {
        @Test("A date of this century keeps its microseconds")
        func keepsMicroseconds() {
            var random = SeededGenerator(seed: 3)
            for _ in 0..<2_000 {
                let moment = Timestamp(microseconds: .random(in: 0...4_102_444_800_000_000, using: &random))
                #expect(Timestamp(moment.date) == moment)
            }
        }

        @Test("A date out of range becomes the nearest timestamp in range")
        func saturates() {
            #expect(Timestamp(Date(timeIntervalSince1970: 1e300)) == Timestamp(microseconds: .max))
            #expect(Timestamp(Date(timeIntervalSince1970: -1e300)) == Timestamp(microseconds: .min))
            #expect(Timestamp(Date(timeIntervalSince1970: .infinity)) == Timestamp(microseconds: .max))
            _ = Timestamp(Date(timeIntervalSince1970: .nan))
            // In the Gregorian calendar: Foundation uses the Julian calendar for 1 January of the year 1.
            #expect(Timestamp(Date.distantPast).description == "0000-12-30T00:00:00Z")
            #expect(Timestamp(Date.distantFuture).description == "4001-01-01T00:00:00Z")
        }

        @Test("The current time is that of the system's clock")
        func now() {
            #expect(abs(Timestamp.now.date.timeIntervalSinceNow) < 5)
        }
    }

    @Test("A timestamp is a string in JSON, and the error of an invalid one names its path")
    func json() throws {
        #expect(try encode(["at": Fixture.start]) == #"{"at":"2025-05-07T11:22:33.123456Z"}"#)
        #expect(try decode([Timestamp].self, #"["2025-05-07T13:22:34+02:00"]"#) == [Fixture.end])
        let message = try #require(refusal([Timestamp].self, #"["2025-05-07T11:22:34Z","soon"]"#)).message
        #expect(message == "[1]: \"soon\" is not an RFC 3339 timestamp such as 2025-05-07T11:22:33.123456Z")
    }
}
