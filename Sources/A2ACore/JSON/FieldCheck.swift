// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// Collects the fields of an object that break its rules, with the paths to them: mostly required ones that have no value.
package struct FieldCheck {
    private enum Step {
        case field(JSONName)
        case member(String)
        case element(Int)
    }

    package private(set) var violations: [A2AError.FieldViolation] = []
    private var steps: [Step] = []

    package init() {}

    /// Checks a text, which must not be empty.
    package mutating func text(_ field: some JSONField, _ value: String) {
        if value.isEmpty { report(field, "a value is required, which is not empty") }
    }

    /// Checks an identifier, which must not be empty.
    package mutating func text(_ field: some JSONField, _ value: some A2AIdentifier) { text(field, value.rawValue) }

    /// Checks a list, which must have elements.
    package mutating func list(_ field: some JSONField, isEmpty: Bool) {
        if isEmpty { report(field, "at least one element is required") }
    }

    /// Checks something else that must be there.
    package mutating func value(_ field: some JSONField, isMissing: Bool) {
        if isMissing { report(field, "a value is required") }
    }

    /// Checks a number, which must be in a range if it is there.
    package mutating func range(_ field: some JSONField, _ value: Int?, _ range: ClosedRange<Int>) {
        guard let value, !range.contains(value) else { return }
        let end = range.upperBound == .max ? "or more" : "to \(range.upperBound)"
        report(field, "a number of \(range.lowerBound) \(end) is expected")
    }

    /// Checks the fields of an object in a field.
    package mutating func object(_ field: some JSONField, _ value: (some ProtoObject)?) {
        guard let value else { return }
        steps.append(.field(field.rawValue))
        value.check(&self)
        steps.removeLast()
    }

    /// Checks the fields of the objects in a list.
    package mutating func objects(_ field: some JSONField, _ values: [some ProtoObject]) {
        for index in values.indices {
            steps.append(.field(field.rawValue))
            steps.append(.element(index))
            values[index].check(&self)
            steps.removeLast(2)
        }
    }

    /// Checks what is in a member of an object.
    package mutating func inside(_ name: String, _ check: (inout FieldCheck) -> Void) {
        steps.append(.member(name))
        check(&self)
        steps.removeLast()
    }

    /// Reports the object itself.
    package mutating func report(_ description: String) { report(at: steps, description) }

    private mutating func report(_ field: some JSONField, _ description: String) {
        report(at: steps + [.field(field.rawValue)], description)
    }

    private mutating func report(at steps: [Step], _ description: String) {
        guard violations.count < A2AError.maximumViolations else { return }
        let path = steps.reduce(into: "") { path, step in
            switch step {
            case .field(let name): path += path.isEmpty ? name.text : ".\(name.text)"
            case .member(let name): path += path.isEmpty ? name : ".\(name)"
            case .element(let index): path += "[\(index)]"
            }
        }
        violations.append(A2AError.FieldViolation(field: path, description: description))
    }
}
