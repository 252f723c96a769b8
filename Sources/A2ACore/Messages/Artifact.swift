// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// A result of a task.
    public struct Artifact: Sendable, Hashable {
        /// The identifier of the artifact, which no other artifact of the task has.
        public var id: ArtifactID
        /// A name for people.
        public var name: String?
        /// A description for people.
        public var description: String?
        /// The content. At least one part is required.
        public var parts: [Part]
        /// Data of extensions and applications, extension data under the URI of the extension. If `nil`, there is none.
        public var metadata: JSONObject?
        /// The URIs of the extensions that contributed to the artifact.
        public var extensions: [String]

        /// Creates an artifact.
        public init(
            id: ArtifactID = ArtifactID(),
            name: String? = nil,
            description: String? = nil,
            parts: [Part],
            metadata: JSONObject? = nil,
            extensions: [String] = []
        ) {
            self.id = id
            self.name = name
            self.description = description
            self.parts = parts
            self.metadata = metadata
            self.extensions = extensions
        }
    }
}
