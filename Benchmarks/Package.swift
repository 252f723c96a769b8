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
