// SPDX-License-Identifier: Apache-2.0

/// An id with its hash value, as the key of a dictionary.
///
/// A dictionary compares a key with the others in its bucket, and hashes the neighbors of a key that it removes. With
/// strings as keys, each of these operations reads from elsewhere in memory, mostly outside of all caches. With these
/// keys it reads numbers in the dictionary itself.
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
