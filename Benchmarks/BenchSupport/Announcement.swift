// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Prints the address of a server, in one line that is flushed even if the output is not a terminal.
public func announce(port: Int) {
    FileHandle.standardOutput.write(Data("http://127.0.0.1:\(port)\n".utf8))
}
