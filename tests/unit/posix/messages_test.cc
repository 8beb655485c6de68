// recvmsg(), sendmsg() and their relatives on a stream, and the rules of control messages.
#include <linux/tcp.h>

#include <array>
#include <vector>

#include "envelope.h"
#include "posix/control.h"

namespace tunic {
namespace {

TEST(Messages, of_a_stream_are_octets_in_pieces) {
  Host host;
  const auto [client, server] = host.pair();
  EXPECT_EQ(send(host, client, Envelope{{"one", "", "two", "three"}}), 11);
  Envelope peeked{rooms({2, 2, 0, 100})};
  EXPECT_EQ(receive(host, server, peeked, MSG_PEEK), 11);
  EXPECT_EQ(peeked.text(11), "onetwothree");
  sockaddr_storage name;
  Envelope m{rooms({1, 9, 100}), 64};
  m.head.msg_name = &name;
  m.head.msg_namelen = sizeof name;
  EXPECT_EQ(receive(host, server, m), 11);
  EXPECT_EQ(m.text(11), "onetwothree");
  EXPECT_EQ(m.head.msg_namelen, 0u);
  EXPECT_EQ(m.head.msg_controllen, 0u);
  EXPECT_EQ(m.head.msg_flags, 0);
}

TEST(Messages, that_cannot_be_meant) {
  Host host;
  const auto [client, server] = host.pair();
  host.say(client, "there");
  Envelope many{std::vector<std::string>(1025, ".")};
  EXPECT_FAILS(send(host, client, many), EMSGSIZE);
  EXPECT_FAILS(receive(host, server, many), EMSGSIZE);
  Envelope no_pieces{{"x"}};
  no_pieces.head.msg_iov = nullptr;
  EXPECT_FAILS(send(host, client, no_pieces), EFAULT);
  EXPECT_FAILS(receive(host, server, no_pieces), EFAULT);
  Envelope name{{"x"}};
  name.head.msg_name = &name;
  name.head.msg_namelen = static_cast<socklen_t>(-1);
  EXPECT_FAILS(send(host, client, name), EINVAL);
  EXPECT_FAILS(receive(host, server, name), EINVAL);
  EXPECT_FAILS(host.with(server, [&](Handle h) { return host.sockets().recvmsg(h, nullptr, 0); }), EFAULT);
  EXPECT_FAILS(host.with(server, [&](Handle h) { return host.sockets().sendmsg(h, nullptr, 0); }), EFAULT);
  EXPECT_FAILS(send(host, client, Envelope{{"x"}}, MSG_FASTOPEN), EOPNOTSUPP);
  Envelope queue{rooms({10})};
  EXPECT_FAILS(receive(host, server, queue, MSG_ERRQUEUE), EAGAIN);
  EXPECT_EQ(host.take(server), "there");
}

TEST(Messages, flags_that_mean_nothing_here) {
  Host host;
  const auto [client, server] = host.pair();
  EXPECT_EQ(send(host, client, Envelope{{"x"}}, MSG_CONFIRM | MSG_DONTROUTE | MSG_EOR), 1);
  Envelope m{rooms({10})};
  EXPECT_EQ(receive(host, server, m, MSG_CMSG_CLOEXEC), 1);
  EXPECT_EQ(m.head.msg_flags, MSG_CMSG_CLOEXEC);  // Linux gives it back
}

TEST(Messages, urgent_data_is_flagged) {
  Host host;
  const auto [client, server] = host.pair();
  host.say(client, "!", MSG_OOB);
  Envelope none{{}};
  EXPECT_EQ(receive(host, server, none, MSG_OOB | MSG_PEEK), 0);
  EXPECT_EQ(none.head.msg_flags, MSG_OOB | MSG_TRUNC);
  Envelope m{rooms({10})};
  EXPECT_EQ(receive(host, server, m, MSG_OOB), 1);
  EXPECT_EQ(m.head.msg_flags, MSG_OOB);
  EXPECT_EQ(m.text(1), "!");
}

TEST(Messages, to_what_has_no_connection) {
  Host host;
  const int fd = host.socket();
  EXPECT_FAILS(send(host, fd, Envelope{{"x"}}, MSG_NOSIGNAL), EPIPE);
  Envelope m{rooms({1})};
  EXPECT_FAILS(receive(host, fd, m), ENOTCONN);
}

TEST(Messages, many_in_one_call) {
  Host host;
  const auto [client, server] = host.pair();
  ASSERT_EQ(host.set(client, IPPROTO_TCP, TCP_NODELAY, 1), 0);
  Envelope a{{"first"}}, b{{"sec", "ond"}};
  std::array<mmsghdr, 2> out{{{a.head, 0}, {b.head, 0}}};
  EXPECT_EQ(host.with(client, [&](Handle h) { return host.sockets().sendmmsg(h, out.data(), 2, 0); }), 2);
  EXPECT_EQ(out[0].msg_len, 5u);
  EXPECT_EQ(out[1].msg_len, 6u);
  Envelope c{rooms({5})}, d{rooms({100})}, e{rooms({100})};
  std::array<mmsghdr, 3> in{{{c.head, 0}, {d.head, 0}, {e.head, 0}}};
  const auto take = [&](int fd, int flags, timespec* t = nullptr) {
    return host.with(fd, [&](Handle h) { return host.sockets().recvmmsg(h, in.data(), 3, flags, t); });
  };
  EXPECT_EQ(take(server, MSG_WAITFORONE), 2);
  EXPECT_EQ(in[0].msg_len, 5u);
  EXPECT_EQ(in[1].msg_len, 6u);
  EXPECT_EQ(c.text(5), "first");
  EXPECT_EQ(d.text(6), "second");
  EXPECT_FAILS(take(server, MSG_DONTWAIT), EAGAIN);
  timespec bad{0, 1'000'000'000};
  EXPECT_FAILS(take(server, MSG_DONTWAIT, &bad), EINVAL);
  host.say(client, "late");
  timespec over{0, 0};
  EXPECT_EQ(take(server, 0, &over), 1);  // Linux looks at the time after the first message
  EXPECT_EQ(host.with(server, [&](Handle h) { return host.sockets().recvmmsg(h, nullptr, 0, 0, nullptr); }), 0);
}

TEST(Messages, an_error_after_the_first_is_told_by_the_next_call) {
  Host host;
  const auto [client, server] = host.pair();
  host.say(client, "last");
  Envelope a{rooms({4})}, b{std::vector<std::string>(1025, ".")};
  std::array<mmsghdr, 2> in{{{a.head, 0}, {b.head, 0}}};
  EXPECT_EQ(host.with(server, [&](Handle h) { return host.sockets().recvmmsg(h, in.data(), 2, 0, nullptr); }), 1);
  EXPECT_EQ(host.get(server, SOL_SOCKET, SO_ERROR), EMSGSIZE);
  EXPECT_EQ(host.get(server, SOL_SOCKET, SO_ERROR), 0);
}

TEST(Messages, how_much_is_left_to_read) {
  Host host;
  const auto [client, server] = host.pair();
  ASSERT_EQ(host.set(server, IPPROTO_TCP, TCP_INQ, 1), 0);
  EXPECT_EQ(host.get(server, IPPROTO_TCP, TCP_INQ), 1);
  host.say(client, "ten octets");
  host.shutdown(client, SHUT_WR);
  const auto left = [&] {
    Envelope m{rooms({4}), CMSG_SPACE(sizeof(int))};
    receive(host, server, m);
    cmsghdr head{};
    int value = -1;
    if (m.head.msg_controllen != m.control.size()) return -2;
    std::memcpy(&head, m.control.data(), sizeof head);
    EXPECT_EQ(head.cmsg_level, IPPROTO_TCP);
    EXPECT_EQ(head.cmsg_type, TCP_CM_INQ);
    EXPECT_EQ(head.cmsg_len, CMSG_LEN(sizeof value));
    std::memcpy(&value, m.control.data() + CMSG_LEN(0), sizeof value);
    return value;
  };
  EXPECT_EQ(left(), 6);
  EXPECT_EQ(left(), 2);
  EXPECT_EQ(left(), 1);  // nothing, but the end
  EXPECT_FAILS(host.set(server, IPPROTO_TCP, TCP_INQ, 2), EINVAL);
}

TEST(Messages, when_text_of_a_stream_arrived) {
  Host host;
  const auto [client, server] = host.pair();
  const auto stamp = [&, server = server](std::size_t octets, int flags = 0) {
    Envelope m{rooms({octets}), 512};
    receive(host, server, m, flags);
    return m.find<timespec>(SOL_SOCKET, SO_TIMESTAMPNS);
  };
  host.say(client, "ab");
  EXPECT_FALSE(stamp(1));
  ASSERT_EQ(host.set(server, SOL_SOCKET, SO_TIMESTAMPNS, 1), 0);
  EXPECT_FALSE(stamp(1)) << "nobody had asked when it came";
  host.say(client, "cd");
  host.say(client, "efgh");
  const auto c = stamp(1), to_e = stamp(2, MSG_PEEK), d = stamp(1), h = stamp(9);
  ASSERT_TRUE(c && d && to_e && h);
  const time_t now = time(nullptr);
  EXPECT_GE(c->tv_sec, now - 60);
  EXPECT_LE(c->tv_sec, now + 1);
  EXPECT_LE(d->tv_sec, now + 1);
  EXPECT_LE(to_e->tv_sec, now + 1);
  EXPECT_LE(h->tv_sec, now + 1);
  ASSERT_EQ(host.set(server, SOL_SOCKET, SO_TIMESTAMPNS, 0), 0);
  host.say(client, "i");
  EXPECT_FALSE(stamp(1));
}

TEST(Controls, what_has_no_room_is_cut_and_told) {
  alignas(cmsghdr) std::array<char, 64> room{};
  for (std::size_t size = 0; size <= 48; ++size) {
    SCOPED_TRACE(size);
    msghdr m{};
    m.msg_control = room.data();
    m.msg_controllen = size;
    ControlWriter w{m};
    w.put(1, 2, int{7});
    if (size < sizeof(cmsghdr)) {
      EXPECT_EQ(w.written(), 0u);
      EXPECT_EQ(w.flags(), MSG_CTRUNC);
      continue;
    }
    EXPECT_EQ(w.flags(), size < CMSG_LEN(sizeof(int)) ? MSG_CTRUNC : 0);
    EXPECT_EQ(w.written(), std::min<std::size_t>(size, CMSG_SPACE(sizeof(int))));
    cmsghdr head;
    std::memcpy(&head, room.data(), sizeof head);
    EXPECT_EQ(head.cmsg_len, std::min<std::size_t>(size, CMSG_LEN(sizeof(int))));
  }
  ControlWriter nowhere{msghdr{}};
  nowhere.put(1, 2, 3);
  EXPECT_EQ(nowhere.flags(), MSG_CTRUNC);
}

TEST(Controls, lengths_that_lie) {
  Host host;
  const auto [client, server] = host.pair();
  const auto with = [&](std::size_t length, int level, int type) {
    Envelope m{{"x"}, CMSG_SPACE(sizeof(int))};
    const cmsghdr head{.cmsg_len = length, .cmsg_level = level, .cmsg_type = type};
    std::memcpy(m.control.data(), &head, sizeof head);
    return send(host, client, m);
  };
  EXPECT_EQ(with(CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS), 1);  // passed over, as on Linux
  EXPECT_EQ(with(CMSG_LEN(sizeof(int)), IPPROTO_IP, 99), 1);
  EXPECT_FAILS(with(CMSG_LEN(sizeof(int)), SOL_SOCKET, 99), EINVAL);
  EXPECT_FAILS(with(sizeof(cmsghdr) - 1, SOL_SOCKET, SCM_RIGHTS), EINVAL);
  EXPECT_FAILS(with(1000, SOL_SOCKET, SCM_RIGHTS), EINVAL);
  EXPECT_FAILS(with(~std::size_t{0}, SOL_SOCKET, SCM_RIGHTS), EINVAL);
}

}  // namespace
}  // namespace tunic
