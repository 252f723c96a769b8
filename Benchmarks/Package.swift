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
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0", traits: ["FullFoundation"]),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    ],
    targets: [
        .executableTarget(
            name: "EchoServer",
            dependencies: [
                .product(name: "ACPServer", package: "simple-acp"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "EchoServer",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "BareEcho",
            dependencies: [
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "BareEcho",
            swiftSettings: swiftSettings
        ),
        // A link to the test support of the package above, which is no product of it.
        .target(
            name: "RedisTestSupport",
            dependencies: [
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "RedisClient", package: "simple-acp"),
            ],
            path: "RedisTestSupport",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "RedisClientBench",
            dependencies: [
                "RedisTestSupport",
                .product(name: "RedisClient", package: "simple-acp"),
            ],
            path: "RedisClientBench",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "RedisStorageBench",
            dependencies: [
                "RedisTestSupport",
                .product(name: "ACPCore", package: "simple-acp"),
                .product(name: "ACPRedis", package: "simple-acp"),
                .product(name: "ACPStorage", package: "simple-acp"),
                .product(name: "RedisClient", package: "simple-acp"),
            ],
            path: "RedisStorageBench",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "BackendsBench",
            dependencies: [
                .product(name: "ACPCore", package: "simple-acp"),
                .product(name: "ACPPostgres", package: "simple-acp"),
                .product(name: "ACPRedis", package: "simple-acp"),
                .product(name: "ACPSQLite", package: "simple-acp"),
                .product(name: "ACPStorage", package: "simple-acp"),
            ],
            path: "BackendsBench",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "SQLiteStorageBench",
            dependencies: [
                .product(name: "ACPCore", package: "simple-acp"),
                .product(name: "ACPSQLite", package: "simple-acp"),
                .product(name: "ACPStorage", package: "simple-acp"),
            ],
            path: "SQLiteStorageBench",
            swiftSettings: swiftSettings
        ),
    ]
)
