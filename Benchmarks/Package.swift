// swift-tools-version:6.2

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "simple-acp", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0", traits: ["FullFoundation"]),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
    ],
    targets: [
        // The measured programs: the server, and the bare route that it is compared with.
        .executableTarget(
            name: "BenchServer",
            dependencies: [
                "BenchSupport",
                .product(name: "A2AServer", package: "simple-acp"),
                .product(name: "ACPServer", package: "simple-acp"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "BenchServer",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "BareEcho",
            dependencies: [
                "BenchSupport",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "BareEcho",
            swiftSettings: swiftSettings
        ),
        // The measuring program.
        .executableTarget(
            name: "Bench",
            dependencies: [
                "ACPTestSupport",
                "BenchSupport",
                "RedisTestSupport",
                .product(name: "ACPClient", package: "simple-acp"),
                .product(name: "ACPCore", package: "simple-acp"),
                .product(name: "ACPStorage", package: "simple-acp"),
                .product(name: "Redis", package: "simple-acp"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Bench",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "BenchSupport",
            dependencies: [
                .product(name: "ACPPostgres", package: "simple-acp"),
                .product(name: "ACPRedis", package: "simple-acp"),
                .product(name: "ACPSQLite", package: "simple-acp"),
                .product(name: "ACPStorage", package: "simple-acp"),
            ],
            path: "BenchSupport",
            swiftSettings: swiftSettings
        ),
        // Symbolic links to the test support of the package above, which is not a product of it.
        .target(
            name: "ACPTestSupport",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "ACPTestSupport",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "RedisTestSupport",
            dependencies: [
                "ACPTestSupport",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Redis", package: "simple-acp"),
            ],
            path: "RedisTestSupport",
            swiftSettings: swiftSettings
        ),
    ]
)
