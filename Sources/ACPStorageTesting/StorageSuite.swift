// SPDX-License-Identifier: Apache-2.0

public import ACPStorage

/// Everything that a ``Storage`` promises, as checks that any backend can be put through.
///
/// The suite belongs to no test framework: a check that fails throws a ``BrokenPromise``, which says what was promised
/// and what was found. With Swift Testing, each promise becomes a case of its own:
///
/// ```swift
/// import ACPStorageTesting
/// import Testing
///
/// @Suite struct MyStorageTests {
///     static let suite = StorageSuite { try await MyStorage(database: "test") }
///
///     @Test("My storage keeps its promises", arguments: StorageSuite.checks)
///     func promise(_ check: StorageCheck) async throws {
///         try await check.run(on: Self.suite)
///     }
/// }
/// ```
///
/// Checks may run at the same time and on a database with other things in it: each works with runs, sessions and
/// agents of its own. The few that need an empty storage are marked ``StorageCheck/isExclusive``; they empty it, and
/// wait until they are alone. For that, all checks must be run on the same suite value (`static let` above).
public struct StorageSuite: Sendable {
    /// Something that lives in the same place as the storage without belonging to it: another prefix, another table.
    public struct Neighbor: Sendable {
        let settle: @Sendable () async throws -> Void
        let isUntouched: @Sendable () async throws -> Bool

        /// - Parameters:
        ///   - settle: Puts something beside the storage's own data.
        ///   - isUntouched: Whether it is still there as it was.
        public init(
            settle: @escaping @Sendable () async throws -> Void,
            isUntouched: @escaping @Sendable () async throws -> Bool
        ) {
            self.settle = settle
            self.isUntouched = isUntouched
        }
    }

    /// A storage whose runs and sessions expire soon, and a way to let its time pass.
    public struct ShortLived: Sendable {
        let storage: any Storage
        let letTimePass: @Sendable (Duration) async throws -> Void

        /// - Parameters:
        ///   - storage: A storage with a short ``StorageCapabilities/timeToLive``: a second or two if time really
        ///     passes.
        ///   - letTimePass: Lets at least that much time pass for the storage. Sleeps unless said otherwise; where the
        ///     storage has a clock of its own, it can be moved instead.
        public init(
            _ storage: any Storage,
            letTimePass: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
        ) {
            self.storage = storage
            self.letTimePass = letTimePass
        }
    }

    let makeStorage: @Sendable () async throws -> any Storage
    let makeShortLived: (@Sendable () async throws -> ShortLived)?
    let neighbor: Neighbor?
    let patience: Duration
    let gate = Gate()

    /// A suite for one backend.
    ///
    /// - Parameters:
    ///   - makeShortLived: Opens a storage whose runs expire soon. Needed if ``StorageCapabilities/timeToLive`` of the
    ///     storage is not nil. Not the place where the other storages keep their data, if expiry would reach it.
    ///   - neighbor: What ``Storage/removeAll()`` must not touch.
    ///   - patience: How long a check waits for something that must happen soon, such as a wake, before it fails.
    ///   - makeStorage: Opens a storage. Called at least once for each check, which closes what it got. If the storage
    ///     is durable or shared, all of them must work on the same data.
    public init(
        makeShortLived: (@Sendable () async throws -> ShortLived)? = nil,
        neighbor: Neighbor? = nil,
        patience: Duration = .seconds(30),
        makeStorage: @escaping @Sendable () async throws -> any Storage
    ) {
        self.makeStorage = makeStorage
        self.makeShortLived = makeShortLived
        self.neighbor = neighbor
        self.patience = patience
    }

    /// All promises. Those that only some backends make (durable, shared, expiring) look at ``Storage/capabilities``
    /// and check nothing where they do not apply.
    public static let checks: [StorageCheck] =
        CommitChecks.all + RepeatedCommitChecks.all + RaceChecks.all + OwnerChecks.all + SingleUseChecks.all
        + DeletionChecks.all + ListingChecks.all + StatusListingChecks.all + SessionChecks.all + HistoryChecks.all
        + RunEndChecks.all + CancelChecks.all + DocumentChecks.all + ContentChecks.all + ProcessChecks.all
        + TurnChecks.all
        + WatchingChecks.all + ExpiryChecks.all + WholeStorageChecks.all

    /// Runs all checks, one after another, for use without a test framework.
    ///
    /// - Returns: The checks that failed, with what they threw. Empty if the storage keeps all its promises.
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
