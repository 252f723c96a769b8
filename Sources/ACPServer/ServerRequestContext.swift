// SPDX-License-Identifier: Apache-2.0

public import Hummingbird
public import NIOCore

/// The request context of the routes of an ``ACPServer``.
public struct ServerRequestContext: RemoteAddressRequestContext {
    /// The context that Hummingbird requires.
    public var coreContext: CoreRequestContextStorage
    /// The address of the client, or of the last proxy before this server.
    public let remoteAddress: SocketAddress?
    /// The event loop of the connection.
    let eventLoop: any EventLoop

    /// Creates the context of a request on a connection.
    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        remoteAddress = source.channel.remoteAddress
        eventLoop = source.channel.eventLoop
    }
}
