// SPDX-License-Identifier: Apache-2.0

// Programs that serve agents need only one import.
@_exported public import ACPServer
