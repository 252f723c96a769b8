// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// A piece of the content of a message or an artifact: a text, a file, or data.
    public struct Part: Sendable, Hashable {
        /// What a part holds.
        public enum Content: Sendable, Hashable {
            /// A text.
            case text(String)
            /// The bytes of a file.
            case raw([UInt8])
            /// The URL of a file.
            case url(String)
            /// Any JSON value, `null` as well.
            case data(JSONValue)
        }

        /// What the part holds. If `nil`, it holds nothing that this version of the protocol knows.
        public var content: Content?
        /// Data of extensions and applications, extension data under the URI of the extension. If `nil`, there is none.
        public var metadata: JSONObject?
        /// The name of the file.
        public var filename: String?
        /// The media type of the content, for example `text/plain`.
        public var mediaType: String?

        /// Creates a part.
        public init(
            _ content: Content?, metadata: JSONObject? = nil, filename: String? = nil, mediaType: String? = nil
        ) {
            self.content = content
            self.metadata = metadata
            self.filename = filename
            self.mediaType = mediaType
        }

        /// Returns a part that holds a text.
        public static func text(_ text: String, mediaType: String? = nil) -> Part {
            Part(.text(text), mediaType: mediaType)
        }

        /// Returns a part that holds the bytes of a file.
        public static func raw(_ bytes: [UInt8], mediaType: String? = nil, filename: String? = nil) -> Part {
            Part(.raw(bytes), filename: filename, mediaType: mediaType)
        }

        /// Returns a part that holds the URL of a file.
        public static func url(_ url: String, mediaType: String? = nil, filename: String? = nil) -> Part {
            Part(.url(url), filename: filename, mediaType: mediaType)
        }

        /// Returns a part that holds a JSON value.
        public static func data(_ data: JSONValue, mediaType: String? = nil) -> Part {
            Part(.data(data), mediaType: mediaType)
        }

        /// The text. If `nil`, the part holds something else.
        public var text: String? { if case .text(let text) = content { text } else { nil } }
    }
}
