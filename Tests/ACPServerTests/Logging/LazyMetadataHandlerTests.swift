// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Logging
import Testing

@testable import ACPServer

@Suite("Metadata that is added to a logger before it logs")
struct LazyMetadataHandlerTests {
    private let log = JSONLog()

    private func logger(_ metadata: Logger.Metadata = [:]) -> Logger {
        var base = log.logger
        for (key, value) in metadata { base[metadataKey: key] = value }
        return Logger(label: "test") { [base] _ in LazyMetadataHandler(base.handler) }
    }

    @Test("A message has the metadata of the logger, what was added to it, and its own: the latest of each name")
    func order() throws {
        var logger = logger(["a": "base", "b": "base", "c": "base"])
        logger[metadataKey: "b"] = "added"
        logger[metadataKey: "c"] = "added"
        #expect(logger[metadataKey: "a"] == "base" && logger[metadataKey: "b"] == "added")
        #expect(logger.handler.metadata == ["a": "base", "b": "added", "c": "added"])
        logger.info("first", metadata: ["c": "own"])
        logger.info("second")
        let lines = log.lines
        try #require(lines.count == 2)
        #expect(lines[0]["a"] == "base" && lines[0]["b"] == "added" && lines[0]["c"] == "own")
        #expect(lines[1]["a"] == "base" && lines[1]["b"] == "added" && lines[1]["c"] == "added")
    }

    @Test("Metadata that is removed is not logged, whether it was added or is the logger's")
    func removal() throws {
        var logger = logger(["a": "base", "b": "base"])
        logger[metadataKey: "b"] = "added"
        logger[metadataKey: "a"] = nil
        logger[metadataKey: "b"] = nil
        logger.info("message")
        let line = try #require(log.lines.first)
        #expect(line["a"] == nil && line["b"] == nil)
    }

    @Test("Copies of a logger do not share what is added to one of them, and the level is the logger's")
    func copies() throws {
        let original = logger()
        var copy = original
        copy[metadataKey: "a"] = "copy"
        copy.logLevel = .error
        copy.info("too low")
        original.info("message")
        #expect(log.lines.count == 1)
        #expect(try #require(log.lines.first)["a"] == nil)
    }
}

@Suite("Values of headers")
struct HeaderValueTests {
    @Test("The value of a header is what the subscript returns, for none, one and several")
    func values() {
        var fields = HTTPFields()
        #expect(fields.value(of: .accept) == nil)
        for value in ["text/plain", "", "application/json"] {
            fields.append(HTTPField(name: .accept, value: value))
            #expect(fields.value(of: .accept) == fields[.accept])
        }
        #expect(fields.value(of: .cookie) == nil)
    }
}
