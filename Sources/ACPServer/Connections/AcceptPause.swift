// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import NIOCore

/// Pauses accepting connections while the process or the machine has no resources for more, such as file descriptors.
///
/// NIO leaves the listening socket readable after such an error, so that without a pause its event loop would retry
/// continuously.
final class AcceptPauseHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = any Channel

    private static let firstPause = TimeAmount.milliseconds(50)
    private static let longestPause = TimeAmount.seconds(1)
    /// The minimum time between two warnings.
    private static let warningInterval = TimeAmount.seconds(60)

    private let logger: Logger
    private var pause = AcceptPauseHandler.firstPause
    private var lastWarning: NIODeadline?

    init(logger: Logger) { self.logger = logger }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        pause = Self.firstPause
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, Self.isTransient(error.errnoCode),
            let options = context.channel.syncOptions
        else {
            return context.fireErrorCaught(error)
        }
        warn(error)
        try? options.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: pause) {
            // Fails if the channel is already closed.
            try? options.setOption(.autoRead, value: true)
        }
        pause = min(pause + pause, Self.longestPause)
    }

    private func warn(_ error: IOError) {
        let now = NIODeadline.now()
        if let lastWarning, now < lastWarning + Self.warningInterval { return }
        lastWarning = now
        logger.warning(
            """
            no connections can be accepted at the moment, new ones wait: raise the limit of open files (ulimit -n), or lower \
            the limit of connections
            """, metadata: ["reason": "\(error)"])
    }

    /// Whether an error disappears when other connections or files are closed.
    private static func isTransient(_ code: CInt) -> Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) }
}
