// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Redis

/// On a cluster, every index of runs is divided into buckets, so that no key takes part in every run.
///
/// A run belongs to one bucket, which its id determines. All indexes of a bucket share a slot: one call changes all
/// entries of a run, and one call reads a part of a list together with the queue of runs that may have expired. A list
/// is read from all buckets and merged.
///
/// The slots of the buckets are evenly distributed over all slots. Therefore shards with equal numbers of slots have
/// equal numbers of buckets, or numbers that differ by one, whatever the number of shards: with 64 buckets, up to 11 of
/// 10.7 on the busiest of 6 shards. More buckets would be distributed more evenly, and each list would cost more
/// commands.
///
/// The bucket of a run is the one whose slot is nearest to that of the run. With slots that are assigned to shards in
/// ranges, both are on the same server with few exceptions: a server that is down delays its own runs only.
enum IndexBuckets {
    /// The hash tags of the buckets. A part of the stored layout: they must not change.
    ///
    /// That of bucket `n` begins with the number and has the slot `256 * n + 128`, the middle of a 64th of all slots.
    static let tags = [
        "00pc5", "01hh9", "02kh5", "03jh1", "04ea5", "05da1", "062km", "07fa9",
        "08ys4", "09ax8", "10gxz", "11nqf", "120vb", "131vf", "14cxj", "15bxn",
        "16mh5", "17lh1", "18fpa", "19gpe", "20bnl", "21cnh", "22qlt", "23igx",
        "24bbq", "25cbu", "26hka", "27ike", "28cwu", "29bwq", "30dw3", "31ew7",
        "325fb", "33al6", "34fhj", "35ghn", "36un2", "37tn6", "38g9f", "39f9b",
        "40zp2", "417qn", "42x42", "43y46", "44or2", "45nr6", "46m62", "47l66",
        "48jz9", "49rq5", "50esg", "51dsc", "52v17", "53w13", "54asw", "55hzk",
        "562qb", "573qf", "58lcf", "59ejz", "60h9c", "61atw", "62b0s", "63c0w",
    ]

    /// Returns the bucket of a run.
    static func number(of run: RunID) -> Int { HashSlot(ofKey: run.rawValue).number * tags.count / HashSlot.count }
}
