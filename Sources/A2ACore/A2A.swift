// SPDX-License-Identifier: Apache-2.0

/// The objects of the Agent2Agent protocol (A2A), version 1.0, under the names that the specification gives them.
///
/// They are nested in this type because several of the specification's names are taken: `Task` by Swift, `Message` by `ACPCore`,
/// which a server of both protocols imports as well. Names that occur nowhere else have a prefix instead: ``A2AError``,
/// ``A2AJSON``.
///
/// ```swift
/// let message = A2A.Message(role: .user, parts: [.text("What is the weather in Lyon?")])
/// let json = try A2AJSON.encode(A2A.SendMessageRequest(message: message))
/// ```
///
/// A field that the specification marks as required is not optional in Swift. When an object is read in which it is missing, it
/// has the default of Protocol Buffers: an empty text, an empty list, ``TaskState/unspecified``. So a client can read what a
/// careless server sends; ``A2AObject/validate()`` tells what is missing.
///
/// - Note: Inside of `extension A2A`, `Task` is ``A2A/Task``. Swift's is `_Concurrency.Task` there.
public enum A2A {}
