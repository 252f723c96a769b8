// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The limit of open files and sockets of a process.
enum OpenFiles {
    /// Raises the limit as far as the operating system allows it to this user, for this process and those that it
    /// starts.
    /// - Returns: The limit.
    @discardableResult
    static func raiseLimit() -> Int {
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return 256 }
        // Some systems refuse more than this.
        limit.rlim_cur = min(limit.rlim_max, 100_000)
        setrlimit(resource, &limit)
        guard getrlimit(resource, &limit) == 0 else { return 256 }
        return Int(limit.rlim_cur)
    }
}
