// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// A version of the protocol: a major and a minor number.
    public struct Version: Sendable, Hashable, Comparable, CustomStringConvertible, LosslessStringConvertible {
        /// The name of the header, and of the query parameter, in which a client names the version.
        public static let headerName = "A2A-Version"

        /// Version 1.0.
        public static let v1 = Version(major: 1, minor: 0)
        /// Version 0.3, which is meant where no version is named.
        public static let v03 = Version(major: 0, minor: 3)

        /// The major number.
        public var major: Int
        /// The minor number.
        public var minor: Int

        /// Creates a version.
        public init(major: Int, minor: Int) {
            self.major = major
            self.minor = minor
        }

        /// Reads a version such as `1.0`. A third number, as in `1.0.1`, has no meaning and is ignored.
        ///
        /// Returns `nil` if the text is no version.
        public init?(_ description: String) {
            let numbers = description.split(separator: ".", omittingEmptySubsequences: false)
            guard (2...3).contains(numbers.count),
                numbers.allSatisfy({ (1...4).contains($0.utf8.count) && $0.utf8.allSatisfy(\.isASCIIDigit) }),
                let major = Int(numbers[0]), let minor = Int(numbers[1])
            else { return nil }
            self.init(major: major, minor: minor)
        }

        /// The two numbers: `1.0`.
        public var description: String { "\(major).\(minor)" }

        /// Compares the major numbers, then the minor ones.
        public static func < (left: Version, right: Version) -> Bool {
            (left.major, left.minor) < (right.major, right.minor)
        }

        /// Returns the version in which a request is to be served.
        ///
        /// - Parameters:
        ///   - header: The value of the header ``headerName``. If `nil` or empty, the query parameter counts.
        ///   - query: The value of the query parameter of the same name. If it is `nil` or empty as well, version 0.3 is meant.
        ///   - supported: The versions that the server supports.
        /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/versionNotSupported`` if the version is none of those.
        public static func negotiate(
            header: String?, query: String? = nil, supported: [Version] = [.v1]
        ) throws(A2AError) -> Version {
            func trimmed(_ text: String?) -> String? {
                text.map { $0.trimmingWhitespace() }.flatMap { $0.isEmpty ? nil : $0 }
            }
            // For errors only.
            var supportedText: String { supported.map(\.description).joined(separator: ", ") }
            guard let text = trimmed(header) ?? trimmed(query) else {
                guard supported.contains(.v03) else {
                    throw A2AError(
                        .versionNotSupported,
                        "the request names no version, which means 0.3: set the header \(headerName) to \(supportedText)",
                        metadata: ["supportedVersions": supportedText])
                }
                return .v03
            }
            guard let version = Version(text), supported.contains(version) else {
                throw A2AError(
                    .versionNotSupported,
                    "version \"\(text.prefix(20))\" is not supported: set the header \(headerName) to \(supportedText)",
                    metadata: ["supportedVersions": supportedText])
            }
            return version
        }
    }
}

extension String {
    /// The text without spaces and tabs around it.
    func trimmingWhitespace() -> String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return ""
        }
        return String(self[first...last])
    }
}
