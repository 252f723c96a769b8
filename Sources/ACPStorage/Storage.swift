// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// Keeps runs, their events, and sessions.
///
/// A backend promises what ``capabilities`` says (durable, shared between processes, expiring); everything else is the
/// same for all of them, and the suite in `ACPStorageTesting` checks it:
///
/// - **Events are an append-only list.** Appending costs the same at the first and at the hundred-thousandth event; no
///   commit rewrites what is there.
/// - **Commits are atomic, fenced and idempotent.** See ``commit(_:)``.
/// - **A run is a snapshot and the events behind it.** See ``RunRecord``.
/// - **Documents are bytes.** Runs, events, inputs, history entries, metadata and signals come as the bytes of JSON, and are returned
///   byte for byte. A storage need not decode any of them: what it has to know stands beside the bytes. The methods that take and
///   return values are extensions for callers.
/// - **A session's history is append-only**, one block per run, each block once.
/// - **A content lives as long as the run or the session it came to.** See ``StoredContent``.
///
/// Errors are ``StorageError``. All methods may be called from any task at any time.
///
/// To write a backend of your own, implement the methods of this protocol and take ``LocalCoordination`` for
/// ``coordination`` if it serves one process.
public protocol Storage: Sendable {
    /// What this backend promises.
    var capabilities: StorageCapabilities { get }

    /// How processes on this storage talk to each other.
    var coordination: any Coordination { get }

    // MARK: Runs

    /// Appends events to a run, stores the contents that come with them and, if given, replaces the run's snapshot and appends
    /// a block to the history of a session: all or nothing.
    ///
    /// The first commit of a run creates it: it expects 0 events and has a snapshot. Later ones
    /// must come from the run's owner. Whoever watches the run is woken (``Coordination/changes(of:)``).
    ///
    /// Repeating a commit whose answer was lost changes nothing and succeeds: the storage finds the events it was
    /// about to append already there.
    ///
    /// A commit that is refused leaves nothing in the session's history either. A block whose key is there already is left
    /// out, as by ``append(_:to:)-([HistoryBlock],_)``, and the rest of the commit goes on. A storage that cannot write a run
    /// and a session in one step asks first whether the run may be written, then appends the block, and then commits: what was
    /// interrupted in between is made up for by whoever repeats the commit.
    ///
    /// A commit whose snapshot is completed or failed is refused once a cancel signal is stored for the run, because the sender of
    /// the signal was told that the run is being cancelled. The check and the write are one atomic step, so that an end and a cancel
    /// at the same moment cannot miss each other. Repeating a commit that is stored already succeeds in any case.
    ///
    /// - Throws: ``StorageError`` with code
    ///   - `fenced` if the run belongs to another owner by now,
    ///   - `cancelled` if it ends the run otherwise than cancelled, and a cancel signal is stored,
    ///   - `conflict` if the number of events is neither the expected one nor the one after this commit,
    ///   - `notFound` if events are expected, but there is no such run (it expired or was deleted),
    ///   - `incomplete` if part of the run is missing, as far as the storage can tell,
    ///   - `full` if there is no room for it. Nothing of it is stored then.
    func commit(_ commit: RunCommit) async throws

    /// A run with everything needed to go on with it, or `nil` if there is none. ``record(of:)`` decodes it.
    func storedRun(_ run: RunID) async throws -> StoredRun?

    /// What the run was called with, or `nil` if there is no such run or it was saved without. ``input(of:)`` decodes it.
    func storedInput(of run: RunID) async throws -> Encoded<[Message]>?

    /// Saves a run as it is, for people who use the storage on its own. It becomes the snapshot that covers all events
    /// that are there. Takes no notice of owners.
    ///
    /// - Parameters:
    ///   - run: The run, for what listings go by.
    ///   - json: The run as JSON: what is stored. ``save(_:)-(Run)`` makes it.
    func save(_ run: Run, json: [UInt8]) async throws

    /// Appends an event to a run, for people who use the storage on its own. Takes no notice of owners.
    ///
    /// The listings by status go by what was saved or committed as a snapshot: when an event changes the run's status,
    /// save the run as well.
    ///
    /// - Throws: ``StorageError`` with code `notFound` if there is no such run.
    func append(_ event: EncodedEvent, to run: RunID) async throws

    /// Deletes a run with its events, its contents, its signals and its places in every listing.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    func deleteRun(_ run: RunID) async throws -> Bool

    /// One page of runs, newest first, and how many there are in all. ``runs(_:)`` decodes them.
    func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun>

    // MARK: Events

    /// The events of a run from an index onward, oldest first. Empty if there are none, or no such run.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - offset: The index of the first event wanted. Negative ones count as 0, here and wherever there are pages.
    ///   - limit: How many at most. Nil for all; negative ones count as 0.
    func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent]

    /// How many events a run has. 0 if there is no such run.
    func eventCount(of run: RunID) async throws -> Int

    // MARK: Owners

    /// Makes somebody the owner of a run, if it belongs to whom the caller thinks. Atomic: of several claimers one
    /// wins.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - owner: The new owner, with a token of its own.
    ///   - current: Who owned the run when the claimer looked. Nil if nobody.
    /// - Returns: Whether the claim succeeded.
    func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool

    /// The unfinished runs that a process owns, at most `limit` of them.
    func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID]

    // MARK: Sessions

    /// A session as it was saved last, or nil if it never was. Its history is kept apart, may be there without it, and
    /// is read by ``storedHistory(of:from:limit:)``. ``session(_:)`` decodes it.
    func storedSession(_ id: SessionID) async throws -> StoredSession?

    /// Saves a session's state and metadata.
    ///
    /// - Parameters:
    ///   - session: What to save. Its `version` is not looked at.
    ///   - version: The version that must be there for the save to happen; 0 means "no such session yet". Nil saves
    ///     whatever is there.
    /// - Returns: The version that the session has now.
    /// - Throws: ``StorageError`` with code `conflict` if another version is there.
    @discardableResult
    func save(_ session: StoredSession, expecting version: Int?) async throws -> Int

    /// Appends blocks to a session's history, in order. A block whose key is there already is left out, so that
    /// appending can be repeated safely. Each block is appended whole, with its contents. Counts as a use of the session.
    func append(_ blocks: [HistoryBlock], to session: SessionID) async throws

    /// One page of a session's history, oldest first, and how many entries there are in all. ``history(of:from:limit:)``
    /// decodes them.
    func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>>

    /// Deletes a session with its history and the contents of that. Its runs stay, and keep what they refer to.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    func deleteSession(_ session: SessionID) async throws -> Bool

    // MARK: Contents

    /// Contents that came with commits and history blocks. See ``StoredContent`` for how long they live.
    ///
    /// However many are asked for, it is one round trip where the backend has such.
    ///
    /// - Returns: The bytes in the order of the keys, and nil for each content that is not there.
    func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?]

    // MARK: The storage itself

    /// Asks the storage for a sign of life.
    ///
    /// - Returns: How long the answer took.
    func ping() async throws -> Duration

    /// Deletes everything that this storage keeps, and nothing else that lives in the same place.
    func removeAll() async throws

    /// Lets go of connections and files. Calls that follow fail with code `closed`. Closing twice is fine.
    func close() async throws

    /// Names a document in error messages. Backends that have a better name than ``StoredDocument/description`` return it: where the
    /// document is, for operators.
    func name(of document: StoredDocument) -> String
}

/// What a backend promises.
public struct StorageCapabilities: Sendable, Hashable {
    /// What was acknowledged is still there after the process ends or dies.
    public var isDurable: Bool
    /// Several processes may use the same data at the same time.
    public var isShared: Bool
    /// How long a run is kept after its last update, and a session after its last use. Nil: until it is deleted.
    public var timeToLive: Duration?

    public init(isDurable: Bool, isShared: Bool, timeToLive: Duration?) {
        self.isDurable = isDurable
        self.isShared = isShared
        self.timeToLive = timeToLive
    }
}
