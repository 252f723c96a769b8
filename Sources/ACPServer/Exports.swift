// SPDX-License-Identifier: Apache-2.0

// Agent authors need one import.
@_exported public import ACPCore
@_exported public import ACPLinks
@_exported public import ACPRuntime
@_exported public import ACPStorage
