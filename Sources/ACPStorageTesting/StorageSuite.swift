// SPDX-License-Identifier: Apache-2.0

public import ACPStorage

/// A conformance suite for backends: all guarantees of a ``Storage``, as checks.
///
/// The suite does not depend on a test framework: a check that fails throws a ``StorageCheckFailure``, which names the
/// guarantee and what was found instead. With Swift Testing, each check becomes a separate test case:
///
/// ```swift
/// import ACPStorageTesting
/// import Testing
///
/// @Suite struct MyStorageTests {
///     static let suite = StorageSuite { try await MyStorage(database: "test") }
///
///     @Test("My storage conforms", arguments: StorageSuite.checks)
///     func conforms(_ check: StorageCheck) async throws {
///         try await check.run(on: Self.suite)
///     }
/// }
/// ```
///
/// Checks can run at the same time, and on a database that holds other data: each uses separate runs, sessions and
/// agents. The few checks that require an empty storage are marked as ``StorageCheck/isExclusive``; they wait until no
/// other check is running, and then delete everything. For this, run all checks on the same suite value (`static let`
/// above).
public struct StorageSuite: Sendable {
    /// Data in the same database or directory that do not belong to the storage: under another prefix, or in another
    /// table.
    public struct Neighbor: Sendable {
        let create: @Sendable () async throws -> Void
        let isUntouched: @Sendable () async throws -> Bool

        /// Creates a description of foreign data.
        ///
        /// - Parameters:
        ///   - create: Writes the foreign data.
        ///   - isUntouched: Returns whether the foreign data are unchanged.
        public init(
            create: @escaping @Sendable () async throws -> Void,
            isUntouched: @escaping @Sendable () async throws -> Bool
        ) {
            self.create = create
            self.isUntouched = isUntouched
        }
    }

    /// A storage whose runs and sessions expire soon, and a way to advance its time.
    public struct ShortLived: Sendable {
        let storage: any Storage
        let advanceTime: @Sendable (Duration) async throws -> Void

        /// Creates a description of a storage whose runs and sessions expire soon.
        ///
        /// - Parameters:
        ///   - storage: A storage with a short ``StorageCapabilities/timeToLive``: one or two seconds if `advanceTime`
        ///     sleeps.
        ///   - advanceTime: Advances the storage's time by at least a duration. Defaults to sleeping; a storage with
        ///     its own clock can move the clock instead.
        public init(
            _ storage: any Storage,
            advanceTime: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
        ) {
            self.storage = storage
            self.advanceTime = advanceTime
        }
    }

    let makeStorage: @Sendable () async throws -> any Storage
    let makeShortLived: (@Sendable () async throws -> ShortLived)?
    let neighbor: Neighbor?
    let timeout: Duration
    let scheduler = CheckScheduler()

    /// Creates a suite for one backend.
    ///
    /// - Parameters:
    ///   - makeShortLived: Opens a storage whose runs expire soon. Required if the ``StorageCapabilities/timeToLive``
    ///     of the storage is not `nil`. It must not use the data of the other storages if these would expire as well.
    ///   - neighbor: Data that ``Storage/removeAll()`` must not touch. Defaults to none.
    ///   - timeout: How long a check waits for something that must happen soon, such as a wake. Defaults to 30 seconds.
    ///   - makeStorage: Opens a storage. Called at least once for each check, which closes the storage. If the storage
    ///     is durable or shared, all of these storages must use the same data.
    public init(
        makeShortLived: (@Sendable () async throws -> ShortLived)? = nil,
        neighbor: Neighbor? = nil,
        timeout: Duration = .seconds(30),
        makeStorage: @escaping @Sendable () async throws -> any Storage
    ) {
        self.makeStorage = makeStorage
        self.makeShortLived = makeShortLived
        self.neighbor = neighbor
        self.timeout = timeout
    }

    /// All checks.
    ///
    /// Checks of guarantees that only some backends provide (durable, shared, expiring) read ``Storage/capabilities``,
    /// and succeed where they do not apply.
    public static let checks: [StorageCheck] =
        CommitChecks.all + RepeatedCommitChecks.all + RaceChecks.all + ConcurrentCommitChecks.all + OwnerChecks.all
        + SingleUseChecks.all
        + DeletionChecks.all + ListingChecks.all + StatusListingChecks.all + StatusQueryChecks.all + PrincipalChecks.all
        + PrincipalQueryChecks.all + SessionChecks.all + HistoryChecks.all + RunEndChecks.all + CancelChecks.all
        + AnswerChecks.all + DocumentChecks.all + ContentChecks.all + ProcessChecks.all
        + TurnChecks.all
        + WatchingChecks.all + ExpiryChecks.all + WholeStorageChecks.all

    /// Runs all checks one after another, for use without a test framework.
    ///
    /// - Returns: The checks that failed, with their errors. Empty if the storage conforms.
    public func failures() async -> [(check: StorageCheck, error: any Error)] {
        var failures: [(check: StorageCheck, error: any Error)] = []
        for check in Self.checks {
            do {
                try await check.run(on: self)
            } catch {
                failures.append((check, error))
            }
        }
        return failures
    }
}
