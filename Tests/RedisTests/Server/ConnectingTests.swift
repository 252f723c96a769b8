// SPDX-License-Identifier: Apache-2.0

import RedisTestSupport
import Testing

@testable import Redis

@Suite("Connecting to real servers", .timeLimit(.minutes(2)))
struct ConnectingTests {
    @Test("A password is required and accepted in both protocol versions", arguments: [false, true])
    func password(resp2: Bool) async throws {
        let options = { @Sendable (options: inout RedisTestServer.Options) in
            options.password = "s3cret"
            options.resp2Only = resp2
        }
        try await withServer(options, { $0.credentials = .init(password: "s3cret") }) { server, client in
            try await client.set("a", "1")
            try await withClient("redis://:wrong@127.0.0.1:\(server.port)") { client in
                let error = await redisError { try await client.get("a") }
                #expect(error?.code == .authenticationFailed)
                #expect("\(String(describing: error))".contains("wrong") == false)
            }
            try await withClient("redis://127.0.0.1:\(server.port)") { client in
                let error = await redisError { try await client.get("a") }
                #expect(error?.code == .authenticationFailed)
            }
        }
    }

    @Test("An error does not contain the password that a server without HELLO quotes")
    func quotedPassword() async throws {
        let options = { @Sendable (options: inout RedisTestServer.Options) in
            options.password = "s3cret"
            options.resp2Only = true
        }
        let configure = { (configuration: inout RedisConfiguration) in
            configuration.credentials = .init(password: "s3cret")
            configuration.protocolVersion = .resp3
        }
        try await withServer(options, configure) { server, client in
            let error = await redisError { try await client.ping() }
            #expect(error?.code == .invalidConfiguration)
            var dumped = "\(String(describing: error))"
            dump(error, to: &dumped)
            #expect(!dumped.contains("s3cret"))
            try await withClient("redis://:s3cret@127.0.0.1:\(server.port)") { client in
                let unknown = await redisError { try await client.send("NOSUCHCOMMAND", "private") }
                #expect("\(String(describing: unknown))".contains("NOSUCHCOMMAND"))
                #expect(!"\(String(describing: unknown))".contains("private"))
            }
        }
    }

    @Test("An ACL user can use permitted commands and receives errors for others")
    func acl() async throws {
        let users = ["user default off", "user app on >pw resetchannels ~app:* &app:* +@all -@dangerous"]
        let configure = { (configuration: inout RedisConfiguration) in
            configuration.credentials = .init(username: "app", password: "pw")
        }
        try await withServer({ $0.acl = users }, configure) { server, client in
            try await client.set("app:a", "1")
            let key = await redisError { try await client.set("other:a", "1") }
            #expect(key?.code == .permissionDenied)
            let command = await redisError { try await client.send("FLUSHALL") }
            #expect(command?.code == .permissionDenied)
            let channel = await redisError { try await client.subscribe(to: ["other:news"]) }
            #expect(channel?.code == .permissionDenied)
            let allowed = try await client.subscribe(to: ["app:news"])
            #expect(try await client.publish("x", to: "app:news") == 1)
            allowed.cancel()
            try await withClient("redis://app:no@127.0.0.1:\(server.port)") { client in
                let error = await redisError { try await client.ping() }
                #expect(error?.code == .authenticationFailed)
            }
        }
    }

    @Test("A server without RESP3 is used in RESP2")
    func resp2Only() async throws {
        let configure = { (configuration: inout RedisConfiguration) in
            configuration.clientName = "worker-7"
            configuration.database = 3
        }
        try await withServer({ $0.resp2Only = true }, configure) { server, client in
            try await client.set("a", "1")
            #expect(try await client.send("CLIENT", "GETNAME").string == "worker-7")
            #expect(try await client.info("keyspace")["db3"] != nil)
            try await withClient(server.url, { $0.protocolVersion = .resp3 }) { client in
                let error = await redisError { try await client.ping() }
                #expect(error?.code == .invalidConfiguration)
            }
        }
    }

    @Test("The client name and the database are set in RESP3")
    func nameAndDatabase() async throws {
        let server = try await RedisTestServer.start()
        try await withClient("\(server.url)/5?client_name=worker-8") { client in
            try await client.set("a", "1")
            #expect(try await client.send("CLIENT", "GETNAME").string == "worker-8")
            #expect(try await client.info("keyspace")["db5"] != nil)
        }
        try await withClient("\(server.url)/99") { client in
            let error = await redisError { try await client.ping() }
            #expect(error?.code == .invalidConfiguration)
        }
        server.stop()
    }

    @Test("A Unix socket works like a TCP port")
    func unixSocket() async throws {
        try await withServer({ $0.unixSocket = true }) { server, client in
            try await client.set("a", "1")
            let subscription = try await client.subscribe(to: ["news"])
            #expect(try await client.publish("x", to: "news") == 1)
            subscription.cancel()
            #expect(server.url.hasPrefix("unix:///"))
        }
    }

    @Test("TLS with the right certificate authority works for commands and subscriptions")
    func tls() async throws {
        try await withServer({ $0.tls = true }) { server, client in
            try await client.set("a", "1")
            let subscription = try await client.subscribe(to: ["news"])
            #expect(try await client.publish("x", to: "news") == 1)
            subscription.cancel()
        }
    }

    @Test(
        "TLS without a trusted authority or with another host name fails immediately",
        arguments: [("", "tls.certificateAuthorities"), ("?tls_ca=", "another name")])
    func tlsRefused(option: String, remedy: String) async throws {
        let server = try await RedisTestServer.start {
            $0.tls = true
            $0.tlsNames = "DNS:redis.example.com"
        }
        let url = "rediss://127.0.0.1:\(server.port)\(option)"
        let authority = option.isEmpty ? "" : server.certificates?.authority ?? ""
        // Longer than the limit of the test: the error must not wait for the connect timeout.
        try await withClient(url + authority, { $0.commandTimeout = .seconds(600) }) { client in
            let error = await redisError { try await client.ping() }
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains(remedy) == true, "\(String(describing: error))")
        }
        try await withClient("rediss://127.0.0.1:\(server.port)?tls_verify=none") { try await $0.ping() }
        if !authority.isEmpty {
            let named = "\(url)\(authority)&tls_server_name=redis.example.com"
            try await withClient(named) { try await $0.ping() }
        }
        server.stop()
    }

    @Test("A client certificate is sent to a server that requires one")
    func clientCertificate() async throws {
        let server = try await RedisTestServer.start {
            $0.tls = true
            $0.demandsClientCertificate = true
        }
        guard let files = server.certificates else { return }
        try await withClient("\(server.url)&tls_cert=\(files.clientCertificate)&tls_key=\(files.clientKey)") {
            try await $0.ping()
        }
        try await withClient(server.url, { $0.commandTimeout = .milliseconds(500) }) { client in
            let error = await redisError { try await client.ping() }
            #expect(error?.code == .connectFailed)
        }
        server.stop()
    }
}
