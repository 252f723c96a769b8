// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

extension HTTPFields {
    /// Returns the value of a header, or `nil` if there is none.
    ///
    /// It is the same as that of the subscript, which joins several values. Joining takes ten times longer, even if there is a
    /// single value, as nearly always.
    package func value(of name: HTTPField.Name) -> String? {
        let values = self[values: name]
        return values.count <= 1 ? values.first : self[name]
    }
}
