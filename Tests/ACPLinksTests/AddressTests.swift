// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPLinks

@Suite("Addresses of links")
struct AddressTests {
    @Test(
        "Addresses that are not public are classified by their purpose",
        arguments: [
            ("0.0.0.0", .reserved), ("0.1.2.3", .reserved),
            ("10.0.0.1", .private), ("10.255.255.255", .private),
            ("100.64.0.1", .private), ("100.127.255.255", .private), ("100.100.100.200", .metadata),
            ("127.0.0.1", .loopback), ("127.255.255.254", .loopback),
            ("169.254.169.254", .metadata), ("169.254.170.2", .metadata), ("169.254.1.1", .linkLocal),
            ("172.16.0.1", .private), ("172.31.255.255", .private),
            ("168.63.129.16", .metadata), ("192.0.0.8", .reserved), ("192.0.0.192", .metadata),
            ("192.0.2.1", .reserved), ("192.88.99.1", .reserved), ("192.168.1.1", .private),
            ("198.18.0.1", .reserved), ("198.19.255.255", .reserved), ("198.51.100.7", .reserved),
            ("203.0.113.9", .reserved), ("224.0.0.1", .reserved), ("239.255.255.250", .reserved),
            ("240.0.0.1", .reserved), ("255.255.255.255", .reserved),
            ("::", .reserved), ("::1", .loopback), ("::7f00:1", .reserved), ("::8.8.8.8", .reserved),
            ("::ffff:127.0.0.1", .loopback), ("::ffff:7f00:1", .loopback), ("::ffff:a00:1", .private),
            ("::ffff:169.254.169.254", .metadata), ("0:0:0:0:0:ffff:c0a8:0101", .private),
            ("::ffff:0:127.0.0.1", .reserved),
            ("64:ff9b::7f00:1", .loopback), ("64:ff9b::10.0.0.1", .private), ("64:ff9b::a9fe:a9fe", .metadata),
            ("64:ff9b:1::1", .private), ("64:ff9b:1:7f00:0:100::", .private),
            ("100::1", .reserved), ("100:0:0:1::1", .reserved),
            ("2001::1", .reserved), ("2001:0:7f00:1::", .reserved), ("2001:1ff::1", .reserved),
            ("2001:db8::1", .reserved), ("3fff::1", .reserved), ("5f00::1", .reserved),
            ("2002:7f00:1::", .loopback), ("2002:a00:1::1", .private), ("2002:a9fe:a9fe::", .metadata),
            ("fc00::1", .private), ("fdff::1", .private), ("fd00:ec2::254", .metadata), ("fd20:ce::254", .metadata),
            ("fe80::1", .linkLocal), ("febf::1", .linkLocal), ("fec0::1", .private), ("ff02::1", .reserved),
            ("4000::1", .reserved), ("1::1", .reserved),
        ] as [(String, AddressKind)])
    func special(text: String, kind: AddressKind) throws {
        let address = try #require(IPAddress(text))
        #expect(address.kind == kind)
        #expect(IPAddress(address.description) == address, "what is connected to is what was checked")
    }

    @Test(
        "Addresses of the internet, and those next to the special ranges, are public",
        arguments: [
            "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
            "128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0",
            "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0",
            "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "2001:200::1", "2001:db7::1", "2001:db9::1",
            "2003::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "3ffe::1",
        ])
    func isPublic(text: String) throws {
        #expect(try #require(IPAddress(text)).kind == .public)
    }

    @Test(
        "Notations that only some programs accept are not addresses",
        arguments: [
            "127.1", "127.0.1", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.0.0.01", "127.0.0.256",
            "127.0.0", "127.0.0.1.", "127.0.0.0x1", "127.0.0.+1", " 127.0.0.1", "127.0.0.1 ", "", "1.2.3.4.5", "1..2.3",
            "::1%lo", "fe80::1%1", "[::1]", ":::", "1:2:3:4:5:6:7", "12345::", "::ffff:127.1", "１２７.0.0.1",
        ])
    func odd(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("A range contains its addresses, and an invalid text is not a range")
    func ranges() throws {
        let range = try #require(AddressRange(parsing: "192.168.4.0/22"))
        #expect(range.contains(.v4(0xC0A8_0400)) && range.contains(.v4(0xC0A8_07FF)))
        #expect(!range.contains(.v4(0xC0A8_0800)) && !range.contains(.v4(0xC0A8_03FF)))
        let all = try #require(AddressRange(parsing: "0.0.0.0/0"))
        #expect(all.contains(.v4(.max)) && !all.contains(.v6(high: 0, low: 0)))
        let one = try #require(AddressRange(parsing: "fd00::1/128"))
        #expect(one.contains(.v6(high: 0xFD00_0000_0000_0000, low: 1)))
        #expect(!one.contains(.v6(high: 0xFD00_0000_0000_0000, low: 0)))
        for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "x/8", "10.0.0.0/8/8", ""] {
            #expect(AddressRange(parsing: text) == nil, "\(text)")
        }
    }

    // MARK: What is allowed

    private static func code(
        _ configuration: LinkConfiguration, _ addresses: [String], _ url: String = "http://h.example/x"
    ) throws -> LinkError.Code? {
        do {
            try configuration.check(try addresses.map { try #require(IPAddress($0)) }, of: try LinkURL(url))
            return nil
        } catch let error as LinkError {
            #expect(!addresses.contains { error.message.contains($0) }, "errors must not contain addresses")
            return error.code
        }
    }

    @Test("A host is rejected if one of its addresses is")
    func mixed() throws {
        #expect(try Self.code(LinkConfiguration(), ["8.8.8.8", "2606:4700::1111"]) == nil)
        #expect(try Self.code(LinkConfiguration(), ["8.8.8.8", "10.0.0.1"]) == .refused)
        #expect(try Self.code(LinkConfiguration(), ["::1", "8.8.8.8"]) == .refused)
    }

    @Test("Private addresses can be allowed for development, but not those of metadata services")
    func development() throws {
        let configuration = LinkConfiguration(allowsPrivateAddresses: true)
        for address in ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "fd12::1", "::ffff:127.0.0.1"] {
            #expect(try Self.code(configuration, [address]) == nil, "\(address)")
        }
        for address in [
            "169.254.169.254", "169.254.0.9", "fe80::1", "fd00:ec2::254", "100.100.100.200", "0.0.0.0", "224.0.0.1",
        ] {
            #expect(try Self.code(configuration, [address]) == .refused, "\(address)")
        }
    }

    @Test("An allowed host is allowed on its port, whatever its address")
    func allowed() throws {
        let configuration = LinkConfiguration(allowedHosts: [
            try AllowedHost("Agents.internal:8000"), try AllowedHost("10.0.0.7"), try AllowedHost("[fd12::7]:80"),
        ])
        func code(_ url: String) throws -> LinkError.Code? { try Self.code(configuration, ["10.0.0.7"], url) }
        #expect(try code("http://agents.internal:8000/x") == nil)
        #expect(try code("http://AGENTS.internal.:8000/x") == nil)
        #expect(try code("http://agents.internal/x") == .refused)
        #expect(try code("http://agents.internal:8001/x") == .refused)
        #expect(try code("http://other.internal:8000/x") == .refused)
        #expect(try code("https://10.0.0.7:9/x") == nil)
        #expect(try code("http://[fd12:0::7]/x") == nil)
        #expect(try code("http://[fd12::8]/x") == .refused)
    }

    @Test(
        "A text that is not a host cannot be allowed",
        arguments: ["", "http://a", "a/b", "a:0", "a:99999", "127.1", "u@h", "[::1", "::1", "*.a"])
    func noHost(text: String) {
        #expect(throws: LinkError.self) { try AllowedHost(text) }
    }
}
