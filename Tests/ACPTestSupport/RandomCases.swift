// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How many of their random cases the tests run that take long with all of them.
///
/// All, unless the environment variable `ACP_TEST_RANDOM_PERCENT` has a smaller share, as in `scripts/test-quick`. Tables
/// and corpora are always complete.
public enum RandomCases {
    private static let percent =
        ProcessInfo.processInfo.environment["ACP_TEST_RANDOM_PERCENT"].flatMap { Int($0) }.map { min(max($0, 1), 100) }
        ?? 100

    /// Returns the number of cases to run out of a number, at least 1.
    public static func count(_ all: Int) -> Int { max(1, all * percent / 100) }

    /// Returns the first of some seeds, at least one.
    public static func some<Seeds: Collection>(of all: Seeds) -> [Seeds.Element] { Array(all.prefix(count(all.count))) }
}
