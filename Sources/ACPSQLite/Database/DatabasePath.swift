// SPDX-License-Identifier: Apache-2.0

import ACPStorage

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The path of the database, resolved once, so that all names of the same file lead to the same lock.
enum DatabasePath {
    /// Returns the path with links resolved. The file need not exist, but its folder must.
    static func resolve(_ path: String) throws(StorageError) -> String {
        if let resolved = realPath(path) { return try checkIsFile(resolved) }
        let number = errno
        guard number == ENOENT else {
            throw StorageError(.refused, "\(path) cannot be opened: \(systemError(number))")
        }
        let slash = path.lastIndex(of: "/")
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard let resolved = realPath(folder) else {
            let number = errno
            throw StorageError(
                .refused,
                "the folder \(folder) cannot be opened: \(systemError(number)). Create it, or use another path")
        }
        guard !name.isEmpty else { throw StorageError(.refused, "\(path) is a folder: name a file in it") }
        return resolved == "/" ? "/\(name)" : "\(resolved)/\(name)"
    }

    /// Creates the file if it does not exist, accessible only for this user: what agents are told may be private.
    /// SQLite gives its other files the same permissions.
    static func create(_ path: String) throws(StorageError) {
        let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            let number = errno
            if number == EEXIST { return }
            throw StorageError(
                .refused,
                "\(path) cannot be created: \(systemError(number)). Make its folder writable for this user, or use "
                    + "another path"
            )
        }
        _ = close(file)
        // The directory entry must survive a power failure as well.
        let folder = open(
            path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex).description, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            _ = fsync(folder)
            _ = close(folder)
        }
    }

    /// Rejects a file that SQLite could read, but not write, which it would report only at the first write.
    static func checkIsWritable(_ path: String) throws(StorageError) {
        guard access(path, R_OK | W_OK) == 0 else {
            let number = errno
            throw StorageError(
                .refused,
                "\(path) cannot be written: \(systemError(number)). Make the file writable for this user, or use "
                    + "another path"
            )
        }
    }

    /// Rejects a file that could not be created.
    static func checkFolderIsWritable(_ path: String) throws(StorageError) {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        guard access(folder, W_OK | X_OK) == 0 else {
            let number = errno
            throw StorageError(
                .refused,
                "\(path) cannot be created: \(systemError(number)). Make its folder writable for this user, or use "
                    + "another path")
        }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Returns the size of a file in bytes, or 0 if it does not exist.
    static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    private static func checkIsFile(_ path: String) throws(StorageError) -> String {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw StorageError(.refused, "\(path) is not a file: name a file, which is created if it does not exist")
        }
        return path
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
