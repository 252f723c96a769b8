// SPDX-License-Identifier: Apache-2.0

/// The topology of a client, by its kind.
///
/// The functions that every command calls are dispatched here instead of through `any RedisTopology`, so that the
/// compiler can specialize the monitors for their state machines.
enum TopologyRouting: Sendable {
    case standalone(StandaloneTopology)
    case sentinel(TopologyMonitor<SentinelStateMachine>)
    case cluster(TopologyMonitor<ClusterStateMachine>)

    /// The topology, for all other functions.
    var topology: any RedisTopology {
        switch self {
        case .standalone(let topology): topology
        case .sentinel(let monitor): monitor
        case .cluster(let monitor): monitor
        }
    }

    /// Whether there is a single fixed server.
    var isStandalone: Bool { if case .standalone = self { true } else { false } }
    /// Whether keys are distributed over several masters, so that a pipeline may have to be split.
    var isPartitioned: Bool { if case .cluster = self { true } else { false } }

    func route(_ command: RedisCommand, _ redirection: Redirection?) -> Resolution<Route<RedisNode>> {
        switch self {
        case .standalone(let topology): topology.route(command, redirection)
        case .sentinel(let monitor): monitor.route(command, redirection)
        case .cluster(let monitor): monitor.route(command, redirection)
        }
    }

    func node(forKey key: String?) -> Resolution<RedisNode> {
        switch self {
        case .standalone(let topology): topology.node(forKey: key)
        case .sentinel(let monitor): monitor.node(forKey: key)
        case .cluster(let monitor): monitor.node(forKey: key)
        }
    }
}
