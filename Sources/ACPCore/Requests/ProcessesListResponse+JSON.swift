// SPDX-License-Identifier: Apache-2.0

extension ProcessesListResponse: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case processes
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var processes = JSONMember<[ProcessDescription]>(Field.processes)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .processes: try processes.read(from: &reader)
            }
        }
        self.init(
            processes: try processes.required())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .processes: try writer.member(field, processes)
        }
    }
}

extension ProcessDescription: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case id = "process_id"
        case isAlive = "alive"
        case isCurrent = "this"
        case runCount = "run_count"
        case runs = "run_ids"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var id = JSONMember<String>(Field.id)
        var isAlive = JSONMember<Bool>(Field.isAlive)
        var isCurrent = JSONMember<Bool>(Field.isCurrent)
        var runCount = JSONMember<Int>(Field.runCount)
        var runs = JSONMember<[RunID]>(Field.runs)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .id: try id.read(from: &reader)
            case .isAlive: try isAlive.read(from: &reader)
            case .isCurrent: try isCurrent.read(from: &reader)
            case .runCount: try runCount.read(from: &reader)
            case .runs: try runs.read(from: &reader)
            }
        }
        self.init(
            id: try id.required(),
            isAlive: try isAlive.required(),
            isCurrent: try isCurrent.required(),
            runCount: try runCount.required(),
            runs: try runs.required())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .id: try writer.member(field, id)
        case .isAlive: try writer.member(field, isAlive)
        case .isCurrent: try writer.member(field, isCurrent)
        case .runCount: try writer.member(field, runCount)
        case .runs: try writer.member(field, runs)
        }
    }
}
