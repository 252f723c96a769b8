// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ACPLinks

@Suite("Inputs of the fuzzer for URLs")
struct LinkURLCorpusTests {
    @Test("A link that was accepted is the same after it was written, and Foundation finds the same host")
    func replaysURLs() throws {
        let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fuzz/URLs/corpus")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files {
            // The first byte is a parameter of the fuzzer.
            let text = String(decoding: try Data(contentsOf: file).dropFirst(), as: UTF8.self)
            guard let url = try? LinkURL(text) else { continue }
            #expect(try LinkURL(url.description) == url, "\(file.lastPathComponent)")
            if let host = URLComponents(string: url.description)?.host {
                #expect(host.lowercased() == url.hostText, "\(file.lastPathComponent)")
            }
        }
    }
}
