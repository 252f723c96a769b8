// SPDX-License-Identifier: Apache-2.0

public import Hummingbird
public import NIOCore

/// What the routes of a server know of a request besides the request.
public struct ServerRequestContext: RemoteAddressRequestContext {
    public var coreContext: CoreRequestContextStorage
    /// Who is connected: the client, or the last proxy before this server.
    public let remoteAddress: SocketAddress?
    /// Where the connection's bytes are written.
    let eventLoop: any EventLoop

    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        remoteAddress = source.channel.remoteAddress
        eventLoop = source.channel.eventLoop
    }
}
