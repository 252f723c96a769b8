// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Says where a server listens, in one line that is not held back although the output is no terminal.
public func announce(port: Int) {
    FileHandle.standardOutput.write(Data("http://127.0.0.1:\(port)\n".utf8))
}
