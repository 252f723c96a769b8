// SPDX-License-Identifier: Apache-2.0

/// The topology of a client, by its kind. What every command asks goes through this and not through `any
/// RedisTopology`: the compiler specializes the monitors for their machines here, which it cannot behind a protocol.
enum TopologyRouting: Sendable {
    case standalone(StandaloneTopology)
    case sentinel(TopologyMonitor<SentinelStateMachine>)
    case cluster(TopologyMonitor<ClusterStateMachine>)

    /// Everything else.
    var topology: any RedisTopology {
        switch self {
        case .standalone(let topology): topology
        case .sentinel(let monitor): monitor
        case .cluster(let monitor): monitor
        }
    }

    /// There is one server, and never another.
    var isStandalone: Bool { if case .standalone = self { true } else { false } }
    /// Keys are spread over several masters, so that a pipeline may have to be taken apart.
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
