// SPDX-License-Identifier: Apache-2.0

// The parameters and results of a client are values of A2ACore, which are named with it.
@_exported public import A2ACore
