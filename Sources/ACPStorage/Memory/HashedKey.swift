// SPDX-License-Identifier: Apache-2.0

/// An id together with its hash, as the key of a dictionary.
///
/// A dictionary compares the key it looks for with all that it meets on the way, and hashes the neighbors of the one that it
/// removes. With texts as keys, each of these is a read from somewhere else in memory, most often far from any cache. Here it
/// takes numbers that stand in the dictionary itself.
struct HashedKey<ID: Hashable>: Hashable {
    let id: ID
    private let hash: Int

    init(_ id: ID) {
        self.id = id
        hash = id.hashValue
    }

    static func == (left: HashedKey, right: HashedKey) -> Bool { left.hash == right.hash && left.id == right.id }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}
