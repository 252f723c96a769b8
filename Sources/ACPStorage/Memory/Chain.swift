// SPDX-License-Identifier: Apache-2.0

/// A row of places in the order in which they were appended. Its links stand in ``ChainLinks``.
struct Chain {
    /// The place that was appended first. Nil if there is none.
    fileprivate(set) var first: Int?
    fileprivate(set) var last: Int?
    fileprivate(set) var count = 0

    var isEmpty: Bool { count == 0 }
}

/// The links of any number of chains, as long as every place stands in one of them at most. Appending, and removing from
/// the middle, cost the same however long the chains are.
///
/// Places are small numbers that somebody else hands out, so that a link is an index into an array: nothing is hashed, nothing
/// can dangle, and a long chain goes away as fast as an array does.
struct ChainLinks {
    private struct Link {
        var before: Int?
        var after: Int?
    }

    private var links: [Link] = []

    /// Puts a place that stands in no chain at the end of one.
    mutating func append(_ place: Int, to chain: inout Chain) {
        while links.count <= place { links.append(Link()) }
        links[place] = Link(before: chain.last, after: nil)
        if let last = chain.last { links[last].after = place } else { chain.first = place }
        chain.last = place
        chain.count += 1
    }

    /// Takes a place out of the chain that it stands in.
    mutating func remove(_ place: Int, from chain: inout Chain) {
        let link = links[place]
        if let before = link.before { links[before].after = link.after } else { chain.first = link.after }
        if let after = link.after { links[after].before = link.before } else { chain.last = link.before }
        links[place] = Link()
        chain.count -= 1
    }

    /// The first places of a chain, at most `limit` of them.
    func prefix(_ limit: Int, of chain: Chain) -> [Int] {
        var places: [Int] = []
        var next = chain.first
        while let place = next, places.count < limit {
            places.append(place)
            next = links[place].after
        }
        return places
    }
}
