// SPDX-License-Identifier: Apache-2.0

/// A token of the servers that distinguish principals.
public let benchToken = "a-token-of-the-benchmarks"
