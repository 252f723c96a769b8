// SPDX-License-Identifier: Apache-2.0

// Authors of agents need only one import.
@_exported public import ACPCore
@_exported public import ACPLinks
@_exported public import ACPMetrics
@_exported public import ACPRuntime
@_exported public import ACPStorage
