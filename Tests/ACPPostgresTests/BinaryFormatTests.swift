// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Foundation
import Testing

@testable import ACPPostgres

@Suite("PostgreSQL's binary format")
struct BinaryFormatTests {
    @Test("An array comes back after encoding", arguments: [[], [[]], [[1]], [[1, 2], [], [0, 255]]] as [[[UInt8]]])
    func readsWrittenArrays(_ elements: [[UInt8]]) throws {
        let bytes = try #require(Parameter.byteArrays(elements).bytes)
        #expect(try BinaryArray.elements(of: bytes) == elements)
    }

    @Test(
        "An array that its bytes cannot contain is an error, and reserves no memory",
        arguments: [
            [1, 0, 17, -1, 1], [1, 0, 17, .max, 1], [1, 0, 17, 1, 1], [1, 0, 17, 1, 1, -1], [1, 0, 17, 1, 1, 5],
            [2, 0, 17, 1, 1, 1, 1, 0], [-1, 0, 17, 1, 1, 0], [1, 0], [],
        ] as [[Int32]])
    func refusesMalformedArrays(_ fields: [Int32]) {
        let error = #expect(throws: StorageError.self) {
            try BinaryArray.elements(of: fields.flatMap(\.bigEndianBytes))
        }
        #expect(error?.code == .corruptData)
    }

    @Test("Inputs of the fuzzer are decoded or refused, and come back after encoding")
    func replaysCorpus() throws {
        for input in try corpus("Postgres") {
            if let elements = try? BinaryArray.elements(of: input.bytes) {
                let encoded = try #require(Parameter.byteArrays(elements).bytes)
                #expect(try BinaryArray.elements(of: encoded) == elements, "\(input.name)")
            }
            let text = String(unescaping: input.bytes)
            #expect(String(unescaping: text.escapedUTF8) == text, "\(input.name)")
        }
    }

    @Test("URLs of the fuzzer have none of the storage's own parameters after they were read")
    func replaysURLs() throws {
        for input in try corpus("URLs") {
            guard let url = try? PostgresURL(String(decoding: input.bytes.dropFirst(), as: UTF8.self)) else { continue }
            let again = try PostgresURL(url.text)
            #expect(again.preparesStatements == nil && again.sendsStartupOptions == nil, "\(input.name)")
        }
    }

    private func corpus(_ name: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fuzz/\(name)/corpus")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        try #require(!files.isEmpty)
        return try files.map { ($0.lastPathComponent, Array(try Data(contentsOf: $0))) }
    }
}
